"""The authors' own form of an RCN, which the benchmarks compare with, is the same network."""

import pytest
import torch
from authors import authors_rcn, load_rcn

from rcn_bench.models import create_model


@pytest.mark.usefixtures("fixed_seed_and_one_thread")
@pytest.mark.parametrize("depth", [18, pytest.param(34, marks=pytest.mark.slow)])
def test_the_authors_form_gives_the_same_logits(depth):
    rcn = create_model(f"rcn{depth}", 10, w_hh="random").eval()
    theirs = authors_rcn(f"resnet{depth}", 10).eval()
    load_rcn(theirs, rcn)
    clip = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(rcn(clip), theirs(clip), rtol=1e-3, atol=1e-4)
