"""The claims on accuracy: of inits, of architectures, of clip lengths."""

from dataclasses import replace
from itertools import combinations, permutations

from rcn_bench.intervals import holm
from rcn_bench.plan.products.claims import start_of
from rcn_bench.plan.products.tables import Table1, Table2
from rcn_bench.plan.run import BATCH_OF_T8, Run, option_words
from rcn_bench.reporting.claims.evidence import Evidence, Weights
from rcn_bench.reporting.claims.finding import Finding, NotTested, Part, Verdict, decided

LEVEL = 0.05
SAID_GAIN = 3.0  # points, "almost"


def init_identity(evidence: Evidence) -> Finding:
    """Given pretrained w_xh, identity w_hh beats random w_hh."""
    return _above(evidence, (3,))


def init_imagenet(evidence: Evidence) -> Finding:
    """Given identity w_hh, pretrained w_xh beats random w_xh."""
    return _above(evidence, (2,))


def init_best(evidence: Evidence) -> Finding:
    """Pretrained and identity is the best of the four."""
    return _above(evidence, (1, 2, 3))


def _above(evidence: Evidence, others: tuple[int, ...]) -> Finding:
    """Whether row 4 of Table 1 lies above others, by p-values of Holm for all six pairs of its rows."""
    starts = _rows_of_table1(evidence)
    pairs = [(low, high) for high, low in combinations((4, 3, 2, 1), 2)]
    contrasts: dict[str, Weights] = {
        f"row {high} - row {low}": {starts[high - 1]: 1, starts[low - 1]: -1} for low, high in pairs
    }
    parts, runs, data = evidence.compared(contrasts)
    p_values = [part.effect.p for part in parts]
    if None not in p_values:
        adjusted = holm([p for p in p_values if p is not None])
        parts = [_by_p(part, p) for part, p in zip(parts, adjusted, strict=True)]
    wanted = [part for part, (low, high) in zip(parts, pairs, strict=True) if high == 4 and low in others]
    return decided(wanted, runs, data, "Holm's p of six pairs")


def _by_p(part: Part, p: float) -> Part:
    """Decided by a p-value in place of the interval, unless there are too few trainings."""
    part = replace(part, effect=part.effect._replace(p=p))
    if part.why:
        return part
    side: Verdict = "supported" if part.effect.value > 0 else "contradicted"
    return replace(part, verdict=side if p <= LEVEL else "undecided")


def init_jump(evidence: Evidence) -> Finding:
    """Rows 1 to 3 lie close together next to the jump to row 4: the jump is larger than their spread.

    That is, (row 4 - row i) - (row j - row k) lies above 0 for every row i and every two rows j, k of the three.
    """
    *others, best = _rows_of_table1(evidence)
    contrasts: dict[str, Weights] = {}
    for i in range(3):
        for j, k in permutations(range(3), 2):
            weights = dict.fromkeys([*others, best], 0.0)
            for place, weight in ((i, -1), (j, -1), (k, 1)):
                weights[others[place]] += weight
            weights[best] = 1
            contrasts[f"(row 4 - row {i + 1}) - (row {j + 1} - row {k + 1})"] = weights
    parts, runs, data = evidence.compared(contrasts)
    parts = [_contradicted_if_beyond(part, LEVEL / len(parts)) for part in parts]
    return decided(parts, runs, data)


def _contradicted_if_beyond(part: Part, level: float) -> Part:
    """One of many contrasts below 0 contradicts only at a level for all of them."""
    if part.verdict == "contradicted" and (part.effect.p is None or part.effect.p > level):
        return part.undecided(f"one contrast contradicts from a p of {level:.4f} on")
    return part


def _rows_of_table1(evidence: Evidence) -> list[str]:
    evidence.table(Table1)
    starts = evidence.shown.inits
    if len(starts) < 4:
        raise NotTested("Table 1 has no rows from pretrained w_xh, since pretrained is left out")
    return starts


def r2p1d_random(evidence: Evidence) -> Finding:
    """(2+1)D beats RCN when both start at random."""
    rcn, peer = _start(evidence, "rcn", "random"), _start(evidence, "r2plus1d", "random")
    return decided(*evidence.compared({f"{peer} - {rcn}": {peer: 1, rcn: -1}}))


def rcn_recovers(evidence: Evidence) -> Finding:
    """RCN from pretrained weights beats (2+1)D, which cannot use them."""
    rcn, peer = _start(evidence, "rcn", _pretrained(evidence)), _start(evidence, "r2plus1d", "random")
    return decided(*evidence.compared({f"{rcn} - {peer}": {rcn: 1, peer: -1}}))


def imagenet_gain(evidence: Evidence) -> Finding:
    """Pretrained w_xh lifts I3D and RCN; the text says by almost 3 points."""
    pairs = {family: both_starts(evidence, family) for family in ("i3d", "rcn")}
    contrasts = {family: {pretrained: 1, random: -1} for family, (random, pretrained) in pairs.items()}
    parts, runs, data = evidence.compared(contrasts)
    within = [
        f"3 points lie {'in' if low <= SAID_GAIN <= high else 'outside'} the interval of {part.what}"
        for part in parts
        if part.effect.interval
        for low, high in [part.effect.interval]
    ]
    return decided(parts, runs, data, ", ".join(within))


def both_starts(evidence: Evidence, family: str) -> tuple[str, str]:
    """A network's starts from random and from pretrained w_xh, in Table 2."""
    return _start(evidence, family, "random"), _start(evidence, family, _pretrained(evidence))


def _start(evidence: Evidence, family: str, w_xh: str) -> str:
    """Of a network of Table 2: Table 1's RCN with identity w_hh, or that of another family which is as deep."""
    inits, architectures = evidence.table(Table1), evidence.table(Table2)
    model, w_hh = (inits.model, "identity") if family == "rcn" else (evidence.shown.peer(family), None)
    return start_of(Run.of(model, architectures.frames, w_xh, w_hh, 0))


def _pretrained(evidence: Evidence) -> str:
    if evidence.experiment.pretrained is None:
        raise NotTested("no run starts from pretrained weights, since pretrained is left out")
    return evidence.experiment.pretrained


def clip_length(evidence: Evidence) -> Finding:
    """Longer clips raise accuracy, at equal clips seen and at equal updates.

    Both are equal in runs whose batches have as many clips at every length; in others longer clips get more updates.
    """
    contrasts: dict[str, Weights] = {}
    both_run: dict[str, bool] = {}
    for model, starts in evidence.shown.by_length.items():
        shortest, longest = min(starts), max(starts)
        if shortest < longest:
            name = f"{model}: {longest} - {shortest} frames"
            contrasts[name] = {starts[longest]: 1, starts[shortest]: -1}
            equal = f"{model}+{BATCH_OF_T8}" in evidence.shown.by_length
            both_run[name] = equal or BATCH_OF_T8 in option_words(model)
    if not contrasts:
        raise NotTested("tables.table3 shows no model at two clip lengths")
    parts, runs, data = evidence.compared(contrasts)
    told = "at equal clips seen alone, and so at more updates; equal updates were not run"
    return decided([part if part.why or both_run[part.what] else part.undecided(told) for part in parts], runs, data)
