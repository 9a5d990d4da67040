"""Figures quoted from the paper, shown beside measured ones and never mixed with them."""

# Supplement, Table 1: (w_xh, w_hh) to (clip, video) accuracy in percent on Kinetics' validation set.
TABLE1 = {
    ("random", "random"): (49.0, 61.2),
    ("random", "identity"): (49.3, 61.8),
    ("imagenet", "random"): (50.4, 62.5),
    ("imagenet", "identity"): (53.0, 65.1),
}
TABLE1_IS_OF = ("rcn18", 8)  # the model and the frames of its clips; beside any other they would say nothing
TABLE1_CAVEAT = (
    "The paper's columns are its results on Kinetics; as their caption says, they come from an older training set-up "
    "than that of its main results."
)
