"""The claims on counts: parameters, and memory by clip length."""

from itertools import combinations

from rcn_bench.plan.products.tables import Table1
from rcn_bench.plan.run import base_model
from rcn_bench.records.costs import ModelCosts
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding, NotTested, Part, decided, exact
from rcn_bench.reporting.cost import find_row
from rcn_bench.reporting.results import read_profile

FAR_FEWER = 0.5  # at most this share of the other's parameters
CLASSES = 400
DOUBLED = 1.5  # at least so many times the memory of clips half as long


def rcn_params(evidence: Evidence) -> Finding:
    """RCN has far fewer parameters than (2+1)D and I3D of its depth: at most half of each."""
    counted, inits = evidence.shown.counted(), evidence.table(Table1)
    rcn, *others = models = [base_model(inits.model), *map(evidence.shown.peer, ("r2plus1d", "i3d"))]
    if missing := [model for model in models if model not in counted]:
        raise NotTested(f"no table counts the parameters of {', '.join(missing)}")
    costs = {model: _costs(evidence, model, counted[model])[0] for model in models}
    if (classes := costs[rcn].classes) != CLASSES:
        raise NotTested(f"counted at {classes} classes, where the rule is for {CLASSES}: profile.num_classes")
    shares = {other: costs[rcn].parameters / costs[other].parameters for other in others}
    parts = [exact(f"{rcn} / {other}", share <= FAR_FEWER, share) for other, share in shares.items()]
    told = ", ".join(f"{model} {row.parameters:,}" for model, row in costs.items())
    return decided(parts, data=f"{told} parameters", nearness=lambda part: -part.effect.value)


def clip_memory(evidence: Evidence) -> Finding:
    """Longer clips raise memory, which limits them: a clip's training memory rises, the largest batch falls."""
    counted = {model: frames for model, frames in evidence.shown.counted().items() if len(frames) > 1}
    if not counted:
        raise NotTested("no table shows the memory of a model at two clip lengths")
    parts, kinds = [], set()
    for model, frames in counted.items():
        rows = _costs(evidence, model, frames)
        kind = "measured" if all(row.measured and row.measured.training_bytes for row in rows) else "estimated"
        kinds.add(kind)
        parts += [_grown(shorter, longer, kind) for shorter, longer in combinations(rows, 2)]
    return decided(parts, data=f"{', '.join(counted)}, memory {' or '.join(sorted(kinds))}")


def _costs(evidence: Evidence, model: str, frames: list[int]) -> list[ModelCosts]:
    """By clip length, the shortest first."""
    experiment = evidence.experiment
    profile, path = read_profile(experiment, model), experiment.paths.profile(model)
    return [find_row(profile.rows, model, length, experiment.stem_pool, path) for length in sorted(frames)]


def _grown(shorter: ModelCosts, longer: ModelCosts, kind: str) -> Part:
    """How many times the memory of a shorter clip a longer one takes."""
    before, after = (getattr(row, kind) for row in (shorter, longer))
    times = (after.training_bytes / longer.memory_batch) / (before.training_bytes / shorter.memory_batch)
    least = DOUBLED if longer.frames == 2 * shorter.frames else 1
    rises = times >= least and times > 1
    falls = after.largest_batch < before.largest_batch or after.largest_batch == 0  # none fits any more
    return exact(f"{longer.model}, {longer.frames} / {shorter.frames} frames", rises and falls, times)
