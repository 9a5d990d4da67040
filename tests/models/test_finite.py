"""Numbers that are not finite are found and named, however deep they lie and however few they are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.models.finite import not_finite, require_finite
from rcn_bench.models.init import read_state_dict

BAD = st.sampled_from([float("nan"), float("inf"), float("-inf")])
DTYPES = st.sampled_from([torch.float32, torch.float16, torch.bfloat16])


@settings(max_examples=50)
@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=5), bad=BAD, dtype=DTYPES, data=st.data())
def test_the_first_bad_tensor_is_named_wherever_its_bad_value_is(sizes, bad, dtype, data):
    state = {f"layer{i}": torch.ones(size, dtype=dtype) for i, size in enumerate(sizes)}
    assert not_finite(state) is None
    places = [(name, place) for name, tensor in state.items() for place in range(len(tensor))]
    chosen = data.draw(st.lists(st.sampled_from(places), max_size=3)) if places else []
    for name, place in chosen:
        state[name][place] = bad
    assert not_finite(state) == min((name for name, _ in chosen), default=None)


def test_the_state_of_an_optimizer_is_looked_through():
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], 0.1, 0.9)
    parameter.sum().backward()
    optimizer.step()
    assert not_finite(optimizer.state_dict()) is None
    optimizer.state[parameter]["momentum_buffer"][1] = torch.inf
    assert not_finite(optimizer.state_dict()) == "state.0.momentum_buffer"


def test_largest_numbers_and_counts_are_finite():
    state = {"weight": torch.full((3,), torch.finfo().max), "num_batches_tracked": torch.tensor(2**62)}
    require_finite(state, "own")


def test_a_weights_file_with_such_a_number_is_refused_by_the_name_of_the_tensor(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"fine": torch.ones(2), "bn.running_var": torch.tensor([1.0, torch.nan])}, path)
    with pytest.raises(InputError) as error:
        read_state_dict(path)
    assert str(error.value).startswith(f"{path}: bn.running_var: not all of its values are finite; ")
