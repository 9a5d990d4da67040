"""Where results of an experiment come from, and which of them are its own."""

from dataclasses import replace

import pytest
import yaml

from rcn_bench.errors import InputError
from rcn_bench.files import file_hash
from rcn_bench.plan.config import check_config
from rcn_bench.plan.stages import dependencies
from rcn_bench.records import origins
from rcn_bench.records.origins import begin, require_own
from results import an_evaluation

RUN = "c2d18-t8-xh_random-s0"


def experiment_with(results, **clip):
    with open("config/mini.yaml") as file:
        config = yaml.safe_load(file)
    return check_config({**config, "clip": {**config["clip"], **clip}}, "mini", results)


@pytest.fixture
def experiment(tmp_path):
    return experiment_with(tmp_path / "results")


def test_an_origin_holds_what_the_plan_says_that_the_job_depends_on(experiment):
    origin = begin(experiment, "evaluate", RUN)
    depends = dependencies(experiment, "evaluate", RUN)
    assert (origin.stage, origin.settings, origin.code) == ("evaluate", depends.settings, depends.code.hash)
    assert len(origin.starts) == 1


def test_inputs_are_hashed_or_known_by_what_is_given(experiment, tmp_path, monkeypatch):
    weights, cache = experiment.paths.root / "a.safetensors", experiment.paths.cache("val")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    elsewhere = tmp_path / "elsewhere.pth"
    elsewhere.write_bytes(b"more")
    monkeypatch.chdir(tmp_path)
    origin = begin(experiment, "evaluate", RUN, [weights, (cache, "0123456789ab"), elsewhere])
    assert origin.inputs == {
        "mini/a.safetensors": file_hash(weights),
        "mini/cache/val.json": "0123456789ab",
        "elsewhere.pth": file_hash(elsewhere),
    }


def test_an_input_that_is_not_there_is_named(experiment, tmp_path):
    with pytest.raises(InputError, match=r"none\.pth: cannot be read \(No such file or directory\)"):
        begin(experiment, "evaluate", RUN, [tmp_path / "none.pth"])


def test_the_starts_before_are_kept(experiment):
    first = begin(experiment, "train", RUN)
    second = begin(experiment, "train", RUN, earlier=first.starts)
    assert second.starts[:-1] == first.starts


def test_an_own_result_is_let_through_in_silence(experiment, capsys):
    record = an_evaluation(origin=begin(experiment, "evaluate", RUN))
    require_own(record, experiment, "evaluate", RUN, experiment.paths.root / "runs" / RUN / "eval.json")
    require_own(record.origin, experiment, "evaluate", RUN, experiment.paths.root)
    assert capsys.readouterr().err == ""


def test_a_result_of_other_settings_is_refused_by_what_differs(experiment):
    record = an_evaluation(origin=begin(experiment, "evaluate", RUN))
    other = experiment_with(experiment.results, crop=16, stride=1)
    path = experiment.paths.root / "runs" / RUN / "eval.json"
    with pytest.raises(InputError) as error:
        require_own(record, other, "evaluate", RUN, path)
    what = f"clip.crop was 32, is 16, clip.stride was 2, is 1; run `rcn-bench evaluate {RUN}` again"
    assert str(error.value) == f"{path}: made with other settings: {what}"
    with pytest.raises(InputError, match=f"is 1; run `rcn-bench evaluate {RUN}` again$"):
        require_own(record.origin, other, "evaluate", RUN, path)


def test_other_code_alone_is_one_line_on_stderr_for_all_results_of_a_stage(experiment, capsys, monkeypatch):
    monkeypatch.setattr(origins, "_told", set())
    origin = begin(experiment, "evaluate", RUN)
    record, path = an_evaluation(origin=replace(origin, code="0123456789ab")), experiment.paths.root / "eval.json"
    for each in (path, path.with_name("another.json")):
        require_own(record, experiment, "evaluate", RUN, each)
    expected = f"{path}, perhaps others: made with other code of evaluate (0123456789ab, now {origin.code})\n"
    assert capsys.readouterr().err == expected
