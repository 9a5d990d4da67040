import hashlib
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcn_bench.errors import InputError
from rcn_bench.records.lifetime import Lifetime, lifetime_columns
from rcn_bench.records.rows import write_rows
from rcn_bench.records.runs import PREDICTIONS, Epoch, Evaluation, Online, Trained, online_columns, write_metrics
from results import an_evaluation, an_example, write_evaluation

HEADER = "video,group,label,predicted,score,rank,clips_correct,clips"
SHARES = [tenth / 10 for tenth in range(1, 11)]
# Names of files as Python has them: any bytes, those that are not UTF-8 as surrogates.
names = st.binary(max_size=12).map(lambda name: name.decode(errors="surrogateescape")) | st.sampled_from(
    ["01", "null", "", "a,b", 'a"b', "a\rb", "a\r\nb", "NA"]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "rcn18" / "predictions.csv"


@settings(max_examples=50)
@given(
    rows=st.lists(
        st.tuples(names, names, names, names, st.integers(0, 10_000), st.integers(0, 9), st.integers(9, 10)), max_size=4
    )
)
def test_predictions_come_back(path, rows):
    table = pd.DataFrame(rows, columns=["video", "group", "label", "predicted", "score", "clips_correct", "clips"])
    table["score"] = table["score"] / 10_000
    table.insert(5, "rank", (table["label"] != table["predicted"]).astype(int) + 1)
    videos = len(rows)
    evaluation = an_evaluation(
        predictions_sha256=write_rows(path, PREDICTIONS, table),
        videos_used=videos,
        groups=table["group"].nunique(),
        labels=["a", "b"],
        video_accuracy=float((table["label"] == table["predicted"]).mean()) if videos else 0.0,
        clips=int(table["clips"].sum()),
        clips_per_video=10,
        clip_accuracy=float(table["clips_correct"].sum() / table["clips"].sum()) if videos else 0.0,
    )
    read = evaluation.predictions(path)
    assert read.to_dict("list") == table.to_dict("list")
    assert [read[column].dtype for column in ("video", "score", "clips_correct")] == [object, float, np.int64]


def test_predictions_are_the_bytes_that_pandas_writes(path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "video": [f'a "b",{i} \udcff' for i in range(2000)],
            "group": "g",
            "label": "01",
            "predicted": ["run\nfast", ""] * 1000,
            "score": rng.random(2000, np.float32).round(4),
            "rank": rng.integers(1, 9, 2000),
            "clips_correct": rng.integers(0, 11, 2000),
            "clips": 10,
        }
    )
    write_rows(path, PREDICTIONS, table)
    assert path.read_bytes() == table.to_csv(index=False).encode(errors="surrogateescape")


def test_predictions_changed_or_torn_are_refused(tmp_path):
    folder = tmp_path / "rcn18"
    write_evaluation(folder, [True, False], [3, 0])
    evaluation, path = Evaluation.read(folder / "eval.json"), folder / "predictions.csv"
    assert list(evaluation.predictions(path)["clips_correct"]) == [3, 0]
    content = path.read_bytes()
    for changed in [content.replace(b"v1", b"v7"), *(content[:length] for length in range(len(content)))]:
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"csv: has changed since it was written; run `rcn-bench evaluate rcn18`"):
            evaluation.predictions(path)
    path.unlink()
    with pytest.raises(InputError, match=r"predictions.csv: not there; run `rcn-bench evaluate rcn18` first"):
        evaluation.predictions(path)
    path.mkdir()
    with pytest.raises(InputError, match=r"predictions.csv: cannot be read \(Is a directory\); run"):
        evaluation.predictions(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "line 0: its columns are "),
        ("video,group\n", "line 1: its columns are "),
        ("video,group,label,predicted,score,rank,clips_correct\n", "line 1: its columns are "),
        (HEADER + "\na,b,c,d,0.5\n", "line 2: 5 values, not 8"),
        (HEADER + "\n\n", "line 2: 0 values, not 8"),
        (HEADER + "\na,b,c,d,nan,2,1,1\n", "line 2: score: 'nan' is no value"),
        (HEADER + "\na,b,c,d,0.5,2,1.0,1\n", "line 2: clips_correct: '1.0' is no"),
        (HEADER + '\n"a,b,c,d,0.5,2,1,1\n', "line 2: unexpected end of data"),
    ],
)
def test_predictions_of_another_form_are_refused(tmp_path, content, what):
    path = tmp_path / "predictions.csv"
    path.write_text(content)
    evaluation = an_evaluation(predictions_sha256=hashlib.sha256(content.encode()).hexdigest())
    with pytest.raises(InputError) as caught:
        evaluation.predictions(path)
    assert str(caught.value).startswith(f"{path}: {what}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("rank", "clips_correct", "clips", "what"),
    [
        ([1, 1], [1, 0], [1, 0], "line 3: clips: 0 cannot be"),
        ([1, 1], [1, 0], [5, 1], "line 2: clips: 5 cannot be"),
        ([1, 1], [3, 0], [2, 1], "line 2: clips_correct: 3 cannot be"),
        ([1, 0], [1, 0], [1, 1], "line 3: rank: 0 cannot be"),
        ([2, 1], [1, 0], [1, 1], "line 2: rank: 2 cannot be"),
    ],
)
def test_what_no_video_can_have_is_refused(tmp_path, rank, clips_correct, clips, what):
    """Such as no clip, more than the record says, or a right prediction that is not the best."""
    path, text = tmp_path / "rcn18" / "predictions.csv", ["a", "b"]
    table = {"video": text, "group": text, "label": text, "predicted": text, "score": [0.5, 0.5], "rank": rank}
    checksum = write_rows(path, PREDICTIONS, table | {"clips_correct": clips_correct, "clips": clips})
    evaluation = an_evaluation(predictions_sha256=checksum, clips_per_video=4, labels=text)
    with pytest.raises(InputError) as caught:
        evaluation.predictions(path)
    assert str(caught.value) == f"{path}: {what}; run `rcn-bench evaluate rcn18` again"


def test_what_is_no_prediction_is_not_written(tmp_path):
    path = tmp_path / "predictions.csv"
    row = {"video": ["a"], "group": ["a"], "label": ["a"], "predicted": ["a"], "score": [0.5]}
    row |= {"rank": [1], "clips_correct": [1], "clips": [1]}
    for wrong in (row | {"score": [math.nan]}, row | {"more": [1]}, row | {"video": ["a", "b"]}):
        with pytest.raises(ValueError, match=r"."):
            write_rows(path, PREDICTIONS, wrong)
    assert not path.exists()


def test_online_rows_come_back(tmp_path):
    path = tmp_path / "rcn18" / "online.csv"
    table = {name: ["a", "01"] for name in ("video", "group", "label", "way")}
    table |= {f"{share:.0%}": [float(share > 0.5), math.nan if share < 0.3 else 0.0] for share in SHARES}
    known = {"ways": ["a", "01"], "videos_used": 2, "shares": SHARES}
    online = an_example(Online, online_sha256=write_rows(path, online_columns(SHARES), table), **known)
    pd.testing.assert_frame_equal(
        online.rows(path), pd.DataFrame(table).astype(dict.fromkeys(list(table)[:4], object)), check_exact=True
    )
    assert path.read_text().splitlines()[1:] == ["a,a,a,a,0,0,0,0,0,1,1,1,1,1", "01,01,01,01,,,0,0,0,0,0,0,0,0"]
    assert list(table) == list(online_columns(SHARES))
    with pytest.raises(InputError, match=r"online.csv: has changed since .* run `rcn-bench online rcn18` again"):
        replace(online, online_sha256="0").rows(path)
    others = [({"videos_used": 3}, "videos_used of its rows is 2, "), ({"ways": ["a"]}, "ways of its rows is ")]
    for changes, what in others:
        with pytest.raises(InputError, match=rf"online.csv: {what}.*; run `rcn-bench online rcn18` again"):
            replace(online, **changes).rows(path)


def test_lifetime_rows_come_back(tmp_path):
    path, ages = tmp_path / "rcn18" / "lifetime.csv", [1, 2, 6]
    table = {name: ["a", "01"] for name in ("video", "group", "label", "way")}
    table |= {"1": [math.nan, math.nan], "2": [1.0, 0.0], "6": [0.0, 0.0]}
    known = {"ways": ["a", "01"], "videos": 2, "groups": 2, "ages": ages, "clip_frames": 2}
    record = an_example(Lifetime, lifetime_sha256=write_rows(path, lifetime_columns(ages), table), **known)
    pd.testing.assert_frame_equal(
        record.rows(path), pd.DataFrame(table).astype(dict.fromkeys(list(table)[:4], object)), check_exact=True
    )
    assert path.read_text().splitlines()[1:] == ["a,a,a,a,,1,0", "01,01,01,01,,0,0"]
    with pytest.raises(InputError, match=r"lifetime.csv: has changed since .* run `rcn-bench lifetime rcn18` again"):
        replace(record, lifetime_sha256="0").rows(path)
    for changes in ({"videos": 3}, {"groups": 1}, {"ways": ["a"]}):
        with pytest.raises(InputError, match=rf"lifetime.csv: {next(iter(changes))} of its rows is .*"):
            replace(record, **changes).rows(path)


@pytest.mark.parametrize(("ages", "clip_frames"), [([2, 4], 2), ([1, 4, 2], 2), ([1, 2, 4], 3), ([], 1), ([1, 1], 1)])
def test_ages_rise_from_one_on_past_that_of_training(tmp_path, ages, clip_frames):
    with pytest.raises(InputError, match="ages: "):
        an_example(Lifetime, ages=ages, clip_frames=clip_frames).write(tmp_path / "lifetime.json")


def test_metrics_come_back_and_wrong_lines_are_named(tmp_path):
    path = tmp_path / "rcn18" / "metrics.jsonl"
    epochs = [Epoch(number, 1 / number, 0.25, 0.1, 64, 1.5) for number in (1, 2, 3)]
    trained = an_example(Trained, metrics_sha256=write_metrics(path, epochs), clips_trained=3 * 64)
    assert trained.epochs(path) == epochs
    with pytest.raises(InputError, match=r"clips_trained of its rows is 192, the record beside it has 64"):
        replace(trained, clips_trained=64).epochs(path)
    lines = path.read_text().splitlines()
    for changed, what in [
        ([lines[0], lines[2]], "line 2: epoch: 3 is not 2"),
        ([lines[0], lines[1][:-5]], "line 2: not JSON"),
        ([lines[0], ""], "line 2: not JSON"),
        ([lines[0].replace("0.25", "NaN")], "line 1: accuracy: nan is not a finite number"),
        ([lines[0].replace("samples", "sample")], "line 1: samples: missing"),
        ([lines[0].replace("0.25", "2.5")], "line 1: accuracy: 2.5 is not from 0 to 1"),
        ([lines[0].replace('"lr"', '"loss": 1.0, "lr"')], "line 1: loss: there twice"),
        (["\udcff"], "cannot be read ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte)"),
    ]:
        content = "".join(line + "\n" for line in changed).encode(errors="surrogateescape")
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"metrics.jsonl: has changed since it was written; run `rcn-bench train"):
            trained.epochs(path)
        with pytest.raises(InputError) as caught:
            replace(trained, metrics_sha256=hashlib.sha256(content).hexdigest()).epochs(path)
        assert str(caught.value) == f"{path}: {what}; run `rcn-bench train rcn18` again"
    path.unlink()
    with pytest.raises(InputError, match=r"not there; run `rcn-bench train rcn18` first"):
        trained.epochs(path)
    with pytest.raises(InputError, match=r"epoch 1: loss: nan is not a finite number; not written"):
        write_metrics(path, [replace(epochs[0], loss=math.nan)])
    assert not path.exists()
