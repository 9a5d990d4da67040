"""Table 5: which models are causal."""

from rcn_bench.plan.products.tables import Table5
from rcn_bench.reporting.results import read_causality
from rcn_bench.reporting.table import Table


def table5(product: Table5) -> Table:
    """Table 5: the causality certificate of every model, its temporal receptive field and resolution."""
    certificates = {(row.model, row.frames): row for row in read_causality(product.experiment).rows}
    rows = [
        {
            "model": certificate.model,
            "causal": "yes" if certificate.causal else "no",
            "change by later frames": certificate.largest_change,
            "earlier frames seen": certificate.past_frames,
            "later frames seen": certificate.future_frames,
            "frames in the clip": certificate.frames,
            "outputs in time": certificate.outputs,
        }
        for model in product.models
        if (certificate := certificates.get((model, product.frames)))
    ]
    notes = [
        "Random weights, random w_hh and batch-norm statistics, eval mode, one random clip. Causal: no output moved by "
        "a single bit when frames after its own changed. The change is the largest, in standard deviations of the "
        "outputs. A small one, such as 1e-5, is no rounding: rounding alone moves nothing here.",
        "Frames seen: the most before and after an output's own that reach it; one less than the clip's frames means "
        "all there are. Outputs in time: steps of the last feature map; as many as frames, if the model keeps the "
        "temporal resolution.",
        "In training mode batch norm looks at the whole batch, time included: no model is causal then.",
    ]
    return Table.of("Table 5. Causality", rows, notes)
