"""The table of claims."""

from typing import Any

from rcn_bench.intervals import Effect
from rcn_bench.plan.products.claims import Claims
from rcn_bench.reporting.claims.claims import CLAIMS, Claim
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding
from rcn_bench.reporting.results import data_set
from rcn_bench.reporting.table import Table


def claims_table(product: Claims) -> Table:
    """A row a claim: verdict, effect, interval, p and the paper's own figure, in numbers and to be read."""
    evidence = Evidence(product)
    found = [(claim, claim.found(evidence)) for claim in CLAIMS]
    return Table.of(
        f"The paper's claims, tested on {data_set(product.experiment)}",
        [_numbers(claim, finding) for claim, finding in found],
        [
            "The rules stand in docs/claims.md. A verdict holds for this data set, this training and these starts, and "
            "for no others. The paper's figures are of Kinetics and ImageNet: compare the pattern, not the level.",
            "Points: of video accuracy. Intervals (95 %) and p-values hold for other seeds and other videos of the "
            "kind. On training clips: the same difference of accuracies, of the last epoch, the mean over seeds.",
        ],
        readable=[_readable(claim, finding) for claim, finding in found],
    )


def _numbers(claim: Claim, finding: Finding) -> dict[str, Any]:
    effect, numbers = finding.effect, finding.numbers()
    return {
        "claim": claim.id,
        "says": claim.says,
        "where": claim.where,
        "verdict": finding.verdict,
        "effect": numbers["effect"],
        "effect 95 % interval low": numbers["low"],
        "effect 95 % interval high": numbers["high"],
        "unit": claim.unit,
        "p": effect.p if effect else None,
        "paper": claim.paper,
        "on training clips": finding.on_training,
        "tested on": tested_on(finding),
        "note": finding.note,
        "runs": " ".join(run.name for run in finding.runs),
    }


def _readable(claim: Claim, finding: Finding) -> dict[str, str]:
    effect, training = finding.effect, finding.on_training
    return {
        "claim": f"{claim.id}: {claim.says} ({claim.where})",
        "verdict": finding.verdict,
        "effect (95 % interval)": shown_effect(effect, claim) if effect else "",
        "p": "" if effect is None or effect.p is None else _shown_p(effect.p),
        "paper": "" if claim.paper is None else f"{claim.paper:+g}",
        "on training clips": "" if training is None else f"{training:+.1f}",
        "tested on": tested_on(finding),
        "note": finding.note,
    }


def tested_on(finding: Finding) -> str:
    """Where stills stand in for ImageNet, that stands there."""
    stills = "stills in place of ImageNet" if any(run.w_xh == "stills" for run in finding.runs) else ""
    return "; ".join(filter(None, [finding.data, stills]))


def shown_effect(effect: Effect, claim: Claim) -> str:
    """Such as +2.6 points (+0.4 to +4.8)."""
    ends = f" ({' to '.join(_number(end, claim) for end in effect.interval)})" if effect.interval else ""
    return f"{_number(effect.value, claim)} {claim.unit}{ends}"


def _number(value: float, claim: Claim) -> str:
    return f"{value:+.1f}" if "%" in claim.unit or claim.on_accuracy else f"{value:.3g}"


def _shown_p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"
