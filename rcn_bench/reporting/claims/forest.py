"""The forest plot: the effects that decide the claims on accuracy."""

import pandas as pd
from matplotlib.axes import Axes

from rcn_bench.plan.products.claims import Forest
from rcn_bench.reporting.claims.claims import CLAIMS, Claim
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding, Verdict
from rcn_bench.reporting.figure import Drawing, new_figure
from rcn_bench.reporting.results import data_set

WIDTH = 5.5  # inches, a column of a page
COLOURS: dict[Verdict, str] = {  # of the house style; the verdict stands there in words too
    "supported": "C0",
    "contradicted": "C3",
    "undecided": "0.35",
    "not tested": "0.6",
}


def forest(product: Forest) -> Drawing:
    """A line a claim on accuracy: its effect with its interval, the paper's own figure, and the verdict in words."""
    evidence = Evidence(product)
    found = [(claim, claim.found(evidence)) for claim in CLAIMS if claim.on_accuracy]
    figure = new_figure(WIDTH, 0.32 * len(found) + 1.5)
    axis = figure.subplots()
    axis.axvline(0, color="0.3", linewidth=1, zorder=1)
    for place, each in enumerate(found):
        _draw(axis, place, *each)
    axis.set(ylim=(len(found) - 0.5, -0.5), xlabel="points of video accuracy")
    axis.set_yticks(range(len(found)), [claim.id for claim, _ in found])
    axis.grid(axis="y", visible=False)
    stills = "\nstills in place of ImageNet" if product.experiment.pretrained == "stills" else ""
    figure.suptitle(f"Claims on accuracy, on {data_set(product.experiment)}{stills}", fontsize="medium")
    axis.plot([], [], "o-", color="0.35", markersize=5, label="effect, 95 % interval")
    axis.plot([], [], "D", color="0.1", markerfacecolor="none", markersize=5, label="the paper's, its authors'")
    if any(claim.margin for claim, _ in found):
        axis.plot([], [], ":", color="0.1", label="margin")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small", frameon=False)
    return Drawing(figure, pd.DataFrame([_numbers(*each) for each in found]))


def _draw(axis: Axes, place: int, claim: Claim, finding: Finding) -> None:
    colour, effect = COLOURS[finding.verdict], finding.effect
    if effect and effect.interval:
        axis.plot(effect.interval, [place, place], color=colour, linewidth=2)
    if effect:
        axis.plot(effect.value, place, "o", color=colour, markersize=5)
    if claim.paper is not None:
        axis.plot(claim.paper, place, "D", color="0.1", markerfacecolor="none", markersize=5, zorder=3)
    if claim.margin:
        axis.plot([claim.margin] * 2, [place - 0.35, place + 0.35], ":", color="0.1", linewidth=1.5)
    beside = axis.get_yaxis_transform()  # x as a share of the axis
    p = f", p {effect.p:.2g}" if effect and effect.p is not None else ""
    axis.text(1.02, place, f"{finding.verdict}{p}", color=colour, transform=beside, va="center", fontsize="small")


def _numbers(claim: Claim, finding: Finding) -> dict[str, object]:
    of_claim = {"paper": claim.paper, "margin": claim.margin}
    return {"claim": claim.id, **finding.numbers(), **of_claim, "verdict": finding.verdict}
