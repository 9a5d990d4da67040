"""The claims in the order of docs/claims.md: what each says, where, and the function that tests it."""

from collections.abc import Callable
from dataclasses import dataclass

from rcn_bench.reporting.claims import accuracy, causality, cost, hidden_state, lifetime, speed
from rcn_bench.reporting.claims.evidence import Evidence
from rcn_bench.reporting.claims.finding import Finding, NotTested

POINTS = "points"


@dataclass(frozen=True)
class Claim:
    """unit: of its effect. paper: the paper's own figure, in that unit. margin: beyond which an effect counts."""

    id: str
    says: str
    where: str
    test: Callable[[Evidence], Finding]
    unit: str = POINTS
    paper: float | None = None
    margin: float = 0

    @property
    def on_accuracy(self) -> bool:
        return self.unit == POINTS

    def found(self, evidence: Evidence) -> Finding:
        """Errors: InputError for a record that is missing or not the experiment's own."""
        try:
            return self.test(evidence)
        except NotTested as missing:
            return Finding("not tested", note=str(missing))


CLAIMS = [
    Claim(
        "init-identity",
        "given pretrained w_xh, identity w_hh beats random w_hh",
        "Table 1",
        accuracy.init_identity,
        paper=2.6,
    ),
    Claim(
        "init-imagenet",
        "given identity w_hh, pretrained w_xh beats random w_xh",
        "Table 1",
        accuracy.init_imagenet,
        paper=3.3,
    ),
    Claim("init-best", "pretrained and identity is the best of the four", "1.1", accuracy.init_best, paper=2.6),
    Claim(
        "init-jump", "rows 1 to 3 lie close together next to the jump to row 4", "1.1", accuracy.init_jump, paper=1.3
    ),
    Claim("r2p1d-random", "(2+1)D beats RCN when both start at random", "1.2", accuracy.r2p1d_random),
    Claim("rcn-recovers", "RCN from pretrained weights beats (2+1)D at random", "1.2", accuracy.rcn_recovers),
    Claim(
        "rcn-params",
        "RCN has far fewer parameters than (2+1)D and I3D",
        "1.2",
        cost.rcn_params,
        unit="of the other's parameters",
    ),
    Claim("imagenet-gain", "pretrained w_xh lifts I3D and RCN", "1.4", accuracy.imagenet_gain, paper=3.9),
    Claim(
        "imagenet-speed",
        "pretrained w_xh reaches a given accuracy in fewer iterations",
        "1.4",
        speed.imagenet_speed,
        unit="% of the training",
    ),
    Claim("clip-length", "longer clips raise accuracy", "1.3", accuracy.clip_length),
    Claim("clip-memory", "longer clips raise memory, which limits them", "1.3, 1.4", cost.clip_memory, unit="times"),
    Claim(
        "whh-std",
        "the std of w_hh falls with depth, the mean of its diagonal rises",
        "3, Figures 1 and 2",
        hidden_state.whh_std,
        unit="a layer",
    ),
    Claim(
        "whh-sparse",
        "the last layer concentrates on the diagonal, the first is spread",
        "3, Figure 3",
        hidden_state.whh_sparse,
        unit="of the sum of squares",
    ),
    Claim(
        "causal",
        "RCN does not see later frames; I3D, (2+1)D and non-local networks do",
        "title",
        causality.causal,
        unit="",
    ),
    Claim(
        "resolution",
        "RCN keeps the temporal resolution of its input",
        "abstract",
        causality.resolution,
        unit="outputs a frame",
    ),
    Claim(
        "state-lifetime",
        "an RCN trained on short clips gets worse when its state lives longer; I3D and C2D do not",
        "authors' result files",
        lifetime.state_lifetime,
        paper=-1.9,
        margin=lifetime.MARGIN,
    ),
]
