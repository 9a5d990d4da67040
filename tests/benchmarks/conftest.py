import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Two threads that share their cores with other work spin and give times that mean nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
