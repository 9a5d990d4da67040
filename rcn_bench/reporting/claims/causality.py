"""The claims on time: causality, and the temporal resolution."""

from rcn_bench.intervals import Effect
from rcn_bench.plan.products.tables import Table5
from rcn_bench.records.costs import Certificate
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding, NotTested
from rcn_bench.reporting.results import read_causality

FAMILIES = ("RCN", "I3D", "(2+1)D", "non-local network")


def causal(evidence: Evidence) -> Finding:
    """RCN's output does not depend on later frames; that of I3D, (2+1)D and non-local networks does."""
    certificates = _certificates(evidence)
    families = {family: [row for row in certificates if _family(row.model) == family] for family in FAMILIES}
    if missing := [family for family, rows in families.items() if not rows]:
        raise NotTested(f"tables.table5 shows no {', '.join(missing)}")
    rcn = families.pop("RCN")
    others = [row for rows in families.values() for row in rows]
    holds = all(row.causal for row in rcn) and not any(row.causal for row in others)
    yes, no = (", ".join(row.model for row in rcn + others if row.causal == causal) for causal in (True, False))
    told = f"causal: {yes or 'none'}; not causal: {no or 'none'}"
    return Finding("supported" if holds else "contradicted", note=told, data=f"clips of {rcn[0].frames} frames")


def resolution(evidence: Evidence) -> Finding:
    """RCN keeps the temporal resolution of its input: as many outputs as frames."""
    rcn = [row for row in _certificates(evidence) if _family(row.model) == "RCN"]
    if not rcn:
        raise NotTested("tables.table5 shows no RCN")
    told = ", ".join(f"{row.model} {row.outputs} outputs of {row.frames} frames" for row in rcn)
    holds = all(row.outputs == row.frames for row in rcn)
    least = min(row.outputs / row.frames for row in rcn)
    return Finding("supported" if holds else "contradicted", Effect(least, None, None), note=told)


def _family(model: str) -> str:
    """Empty for networks that the claim does not name, and for the I3D that was made causal."""
    if model.startswith("rcn"):
        return "RCN"
    if model.endswith("_nl"):
        return "non-local network"
    if model.startswith("r2plus1d"):
        return "(2+1)D"
    return "I3D" if "i3d" in model and not model.endswith("_causal") else ""


def _certificates(evidence: Evidence) -> list[Certificate]:
    """Those that Table 5 shows."""
    table = evidence.table(Table5)
    rows = read_causality(evidence.experiment).rows
    return [row for row in rows if row.model in table.models and row.frames == table.frames]
