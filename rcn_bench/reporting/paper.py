"""Figures quoted from the paper, shown beside measured ones and never mixed with them."""

# Supplement, Table 1: RCN-18, 8-frame clips, Kinetics validation; (w_xh, w_hh) to (clip, video) accuracy in percent.
TABLE1 = {
    ("random", "random"): (49.0, 61.2),
    ("random", "identity"): (49.3, 61.8),
    ("imagenet", "random"): (50.4, 62.5),
    ("imagenet", "identity"): (53.0, 65.1),
}
