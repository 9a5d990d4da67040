"""The soak of live video; `python tests/soak/live.py --seconds 600` is the whole of it."""

import live
import pytest


@pytest.mark.parametrize(
    "seconds", [pytest.param(20, marks=pytest.mark.slow), pytest.param(600, marks=pytest.mark.soak)]
)
def test_memory_files_and_lag_of_live_video_do_not_grow(capsys, seconds):
    assert live.main(["--seconds", str(seconds)]) == 0, capsys.readouterr().out


def test_what_grows_is_found():
    row = live.Row(1.0, 800.0, 4, 2, 0.05, 0.1, 20, 3, 25.0)
    assert live.grown([row] * 10) == []
    worse = {"memory": {"memory": 830.0}, "open files": {"files": 5}, "threads": {"threads": 3}, "lag": {"lag": 0.4}}
    for name, more in worse.items():
        assert live.grown([row] * 9 + [row._replace(**more)]) == [name]
