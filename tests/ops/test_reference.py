"""The loop that everything else is compared with, by hand."""

import pytest
import torch

from rcn_bench.ops.reference import reference_scan

X = [[[1, 2]], [[3, 4]], [[5, 6]]]  # three frames of one position with two channels
W_HH = [[0, 1], [0, 2]]  # the second channel to the first, and twice to itself


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("mean", [[[1, 2]], [[2.5, 4]], [[4.5, 7]]]), ("sum", [[[1, 2]], [[5, 8]], [[13, 22]]])],
)
def test_three_frames_by_hand(mode, expected):
    h = reference_scan(torch.tensor(X), torch.tensor(W_HH), mode)
    assert torch.equal(h, torch.tensor(expected, dtype=torch.float64))


def test_one_frame_is_its_own_state():
    assert torch.equal(reference_scan(torch.tensor(X[:1]), torch.tensor(W_HH)), torch.tensor(X[:1]).double())


def test_gradients_by_hand():
    x, w_hh = torch.tensor(X).float().requires_grad_(), torch.tensor(W_HH).float().requires_grad_()
    reference_scan(x, w_hh)[1].sum().backward()  # h_1 = (w_hh x_0 + x_1) / 2
    assert torch.equal(x.grad, torch.tensor([[[0, 1.5]], [[0.5, 0.5]], [[0, 0]]]))
    assert torch.equal(w_hh.grad, torch.tensor([[0.5, 1], [0.5, 1]]))
