"""A recurrence whose matrix is large and whose states stay numbers of float32."""

import torch


def growing(frames):
    """x (frames, 3, 16) and w_hh (16, 16), half of which has a norm of 250 and, to the 16th power, no channel left."""
    x = torch.randn(frames, 3, 16)
    return x, torch.diag(torch.full((15,), 500.0), 1)


def assert_near(actual, exact):
    """Channel by channel, since each is 250 times as large as the one before."""
    largest = exact.abs().amax((0, 1)).clamp(min=1e-30)
    torch.testing.assert_close(actual.double() / largest, exact / largest, rtol=0, atol=1e-5)
