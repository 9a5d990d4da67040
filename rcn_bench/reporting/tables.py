"""The paper's tables, from result files: every row names the runs that it comes from."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run, base_model, base_network, table1_rows, table2_rows, table3_rows
from rcn_bench.files import read_json, write_text
from rcn_bench.intervals import accuracy_interval
from rcn_bench.layout import Layout
from rcn_bench.reporting import paper

MIB = 2**20
GIB = 2**30
NOT_AVAILABLE = "n/a"


@dataclass(frozen=True)
class Table:
    """A table and what its reader must know. Columns that end in " low" and " high" are the ends of an interval."""

    title: str
    rows: pd.DataFrame
    notes: list[str]

    def write(self, path: Path) -> None:
        """Write path.csv (plain numbers), path.md (runs as links) and path.tex."""
        shown = _with_intervals(self.rows)
        notes = "".join(f"- {note}\n" for note in self.notes)
        linked = shown.assign(runs=[_links(cell) for cell in shown["runs"]]) if "runs" in shown else shown
        markdown = linked.to_markdown(index=False, disable_numparse=True)
        write_text(path.with_suffix(".csv"), self.rows.to_csv(index=False))
        write_text(path.with_suffix(".md"), f"# {self.title}\n\n{markdown}\n\n{notes}")
        caption = re.sub(r"([%_&#$])", r"\\\1", f"{self.title}. {' '.join(self.notes)}")  # pandas escapes cells only
        latex = shown.drop(columns="runs", errors="ignore").to_latex(
            index=False, escape=True, caption=caption, label=f"tab:{path.name}"
        )
        write_text(path.with_suffix(".tex"), latex)


def _links(runs: Any) -> str:
    return ", ".join(f"[{name}](../runs/{name}/eval.json)" for name in str(runs).split()) if runs else ""


def _with_intervals(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as text: an interval's two columns become one, and an unknown value is n/a."""
    shown = pd.DataFrame(index=rows.index)
    for column in map(str, rows):
        if column.endswith(" low"):
            name = column.removesuffix(" low")
            ends = zip(rows[column], rows[f"{name} high"], strict=True)
            shown[name] = [NOT_AVAILABLE if pd.isna(low) else f"{low:.1f}-{high:.1f}" for low, high in ends]
        elif not column.endswith(" high"):
            shown[column] = [_text(value, percent=column.endswith("%")) for value in rows[column]]
    return shown


def _text(value: Any, percent: bool) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return NOT_AVAILABLE
    if isinstance(value, float):
        return f"{value:.1f}" if percent or abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def table1(config: Config, layout: Layout) -> Table:
    """Table 1: the four inits of RCN, measured, beside the paper's figures."""
    rows = []
    for (w_xh, w_hh), runs in table1_rows(config).items():
        clip, video = paper.TABLE1["random" if w_xh == "random" else "imagenet", w_hh]
        rows.append(
            {
                "w_xh": w_xh,
                "w_hh": w_hh,
                **_accuracy(runs, layout),
                "paper clip acc %": clip,
                "paper video acc %": video,
                **_sources(runs, layout),
            }
        )
    of = config["tables"]["table1"]
    notes = _accuracy_notes(config)
    if config["pretrained"] == "stills":
        stills = read_json(layout.pretrained(base_network(of["model"])).with_suffix(".json"))
        notes.append(
            f"The network trained on stills has {100 * stills['held_out_accuracy']:.1f} % on "
            f"{stills['held_out_stills']} held-out stills."
        )
        notes.append(
            "The paper's pretrained rows start from ImageNet and all its rows are Kinetics; here w_xh is pretrained "
            "on stills of the embedded data set, so compare the pattern, not the level."
        )
    return Table(f"Table 1. Inits of {of['model']} at {of['frames']} frames", _frame(rows), notes)


def table2(config: Config, layout: Layout) -> Table:
    """Table 2: every architecture, from random and from pretrained weights."""
    rows = []
    for (model, w_xh), runs in table2_rows(config).items():
        name = base_model(model)
        costs = _costs(layout.profile(name), name, config["tables"]["table2"]["frames"], config["stem_pool"])
        rows.append(
            {
                "model": model,
                "w_xh": w_xh,
                "stem pool": config["stem_pool"],
                "parameters": costs["parameters"],
                **_accuracy(runs, layout),
                **_sources(runs, layout),
            }
        )
    notes = [
        *_accuracy_notes(config),
        f"Parameters at {config['profile']['num_classes']} classes. {NOT_AVAILABLE}: the model cannot start from 2D "
        "weights, or the config does not list that start. Recurrent models have identity w_hh. c2d ignores the order "
        "of frames.",
    ]
    return Table(f"Table 2. Architectures at {config['tables']['table2']['frames']} frames", _frame(rows), notes)


def table3(config: Config, layout: Layout) -> Table:
    """Table 3: accuracy, memory and time at each clip length."""
    rows = []
    for (model, frames), runs in table3_rows(config).items():
        name = base_model(model)
        costs, speed = (
            _costs(path, name, frames, config["stem_pool"]) for path in (layout.profile(name), layout.throughput)
        )
        memory, kind = _memory(costs)
        rows.append(
            {
                "model": model,
                "frames": frames,
                "w_xh": runs[0].w_xh,
                **_accuracy(runs, layout),
                "training MiB/clip": memory["training"] and memory["training"] / costs["memory_batch"] / MIB,
                "memory": kind,
                "training ms/clip": 1000 / speed["training_clips_per_second"],
                **_sources(runs, layout),
            }
        )
    memory_note = (
        f"Memory: the peak of a training step, weights included, at {config['profile']['size']}x"
        f"{config['profile']['size']}, in float32, over the clips of its batch; Table 6 has more."
    )
    notes = [*_accuracy_notes(config), memory_note, _timing_note(config, layout)]
    return Table("Table 3. Clip length", _frame(rows), notes)


def table4(config: Config, layout: Layout) -> Table:
    """Table 4: parameters, GMACs and throughput of every model, on clips and on live video."""
    reference = _costs(
        layout.throughput,
        config["tables"]["table1"]["model"],
        config["tables"]["table1"]["frames"],
        config["stem_pool"],
    )
    rows = []
    for model in config["tables"]["table4"]["models"]:
        for costs in _table4_rows(config, layout, model):
            speed = _costs(layout.throughput, model, costs["frames"], costs["stem_pool"])
            rows.append(
                {
                    "model": model,
                    "stem pool": costs["stem_pool"],
                    "frames": costs["frames"],
                    "parameters": costs["parameters"],
                    "GMACs": costs["gmacs"],
                    "input": costs["input"],
                    "training clips/s": speed["training_clips_per_second"],
                    "inference clips/s": speed["inference_clips_per_second"],
                    "timed at": f"{speed['timing_batch']}x{speed['timing_input']}",
                    "live by": speed["live_by"],
                    "live GMACs/frame": costs["gmacs_per_new_frame"],
                    "live frames/s": speed["live_frames_per_second"],
                    "live cost": reference["live_frames_per_second"] / speed["live_frames_per_second"],
                }
            )
    notes = [
        "GMACs: 1e9 multiply-accumulates of convolutions, linear layers and matrix products for one clip; a FLOP "
        "count that counts multiplications and additions apart is twice this.",
        f"Live: one video, one new frame at a time, at {config['clip']['crop']}x{config['clip']['crop']}. By state: "
        "the network takes the new frame alone and carries a state; by window: it runs again on the last clip of "
        f"frames. Live cost: time per frame, as a multiple of {reference['model']} at {reference['frames']} frames.",
        _timing_note(config, layout),
    ]
    return Table("Table 4. Cost", _frame(rows), notes)


def table5(config: Config, layout: Layout) -> Table:
    """Table 5: the causality certificate of every model, its temporal receptive field and resolution."""
    certificates = read_json(layout.causality)["rows"]
    rows = [
        {
            "model": row["model"],
            "causal": "yes" if row["causal"] else "no",
            "change by later frames": row["largest_change"],
            "earlier frames seen": row["past_frames"],
            "later frames seen": row["future_frames"],
            "of frames": row["frames"],
            "outputs in time": row["outputs"],
        }
        for row in certificates
    ]
    notes = [
        "Random weights, random w_hh and batch-norm statistics, eval mode, one random clip. Causal: no output moved by "
        "a single bit when frames after its own changed. The change is the largest, in standard deviations of the "
        "outputs.",
        "Frames seen: the most before and after an output's own that reach it; one less than the clip's frames means "
        "all there are. Outputs in time: steps of the last feature map; as many as frames, if the model keeps the "
        "temporal resolution.",
        "In training mode batch norm looks at the whole batch, time included: no model is causal then.",
    ]
    return Table("Table 5. Causality", _frame(rows), notes)


def table6(config: Config, layout: Layout) -> Table:
    """Table 6: memory of every model and clip length, and the largest batch that fits the card."""
    budget = f"{config['profile']['memory_gib']:g} GiB"
    rows = []
    for model in config["tables"]["table4"]["models"]:
        for costs in _table4_rows(config, layout, model):
            memory, kind = _memory(costs)
            rows.append(
                {
                    "model": model,
                    "stem pool": costs["stem_pool"],
                    "frames": costs["frames"],
                    "checkpointing": costs["activation_checkpointing"],
                    "batch": costs["memory_batch"],
                    "activations GiB": _gib(memory["activations"]),
                    "training GiB": _gib(memory["training"]),
                    "inference GiB": _gib(memory["inference"]),
                    f"largest batch in {budget}": memory["largest_batch"],
                    "memory": kind,
                    "estimate's error %": _error(costs, "training_bytes"),
                    "of the largest batch %": _error(costs, "largest_batch"),
                }
            )
    machine = read_json(layout.profile(config["tables"]["table4"]["models"][0]))["machine"]
    notes = [
        f"At {config['profile']['size']}x{config['profile']['size']}, {config['profile']['num_classes']} classes, "
        "float32. Activations: what a training step's forward pass keeps for its backward pass. Training, inference: "
        "the peak of a whole step of SGD with momentum and of a forward pass, weights included, the CUDA context left "
        "out.",
        "Estimated: from tensor shapes, without a GPU. Measured: on "
        f"{machine['device']}, where torch may take no more than {budget}"
        + ("." if machine["device"] != "cpu" else "; none here."),
    ]
    return Table(f"Table 6. Memory, and what fits a card of {budget}", _frame(rows), notes)


BUILDERS: dict[str, Callable[[Config, Layout], Table]] = {
    "table1_init": table1,
    "table2_architectures": table2,
    "table3_clip_length": table3,
    "table4_cost": table4,
    "table5_causality": table5,
    "table6_memory": table6,
}


def write_table(name: str, config: Config, layout: Layout) -> None:
    """Assemble one table and write it as CSV, Markdown and LaTeX. Errors: InputError for an unknown name."""
    if name not in BUILDERS:
        raise InputError(f"unknown table {name!r}; choose one of {', '.join(BUILDERS)}")
    BUILDERS[name](config, layout).write(layout.table(name))


def _accuracy(runs: Sequence[Run], layout: Layout) -> dict[str, Any]:
    """Clip and video accuracy in percent, averaged over seeds, with intervals that resample groups of videos."""
    if not runs:
        return dict.fromkeys(
            ("clip acc %", "clip 95 % low", "clip 95 % high", "video acc %", "video 95 % low", "video 95 % high")
        )
    clip_correct, video_correct = [], []
    for run in runs:
        text = dict.fromkeys(("video", "group", "label", "predicted"), str)  # a class may be called "01" or "null"
        predictions = pd.read_csv(
            layout.predictions(run), dtype=text, keep_default_na=False, encoding_errors="surrogateescape"
        ).set_index("video")
        clips = read_json(layout.evaluation(run))["clips_per_video"]
        clip_correct.append(predictions["clips_correct"] / clips)
        video_correct.append((predictions["predicted"] == predictions["label"]).astype(float))
    groups = predictions["group"]
    cells: dict[str, Any] = {}
    for kind, correct in (("clip", clip_correct), ("video", video_correct)):
        over_seeds = pd.concat(correct, axis=1).mean(axis=1)
        low, high = accuracy_interval(over_seeds, list(groups[over_seeds.index]))
        cells[f"{kind} acc %"] = 100 * float(over_seeds.mean())
        cells |= {f"{kind} 95 % low": 100 * low, f"{kind} 95 % high": 100 * high}
    return cells


def _sources(runs: Sequence[Run], layout: Layout) -> dict[str, Any]:
    """How many videos were used and skipped, which seeds, which runs."""
    evaluations = [read_json(layout.evaluation(run)) for run in runs]
    return {
        "videos": evaluations[0]["videos_used"] if runs else None,
        "skipped": len(evaluations[0]["videos_skipped"]) if runs else None,
        "seeds": " ".join(str(run.seed) for run in runs) or None,
        "runs": " ".join(run.name for run in runs),
    }


def _costs(path: Path, model: str, frames: int, stem_pool: bool | None) -> dict[str, Any]:
    """The row of a profile or of the throughputs; a model without a stem pool option has one row for both stems."""
    rows = (row for row in read_json(path)["rows"] if row["model"] == model and row["frames"] == frames)
    return next(row for row in rows if row["stem_pool"] in (stem_pool, None))


def _accuracy_notes(config: Config) -> list[str]:
    seeds, clips = len(config["seeds"]), config["clip"]["evaluation_clips"]
    paired = "pairs of twin videos" if "digits" in config["data"] else "videos"
    notes = [
        f"Video accuracy: mean softmax over {clips} different clips of a video; clip accuracy: over all clips. "
        f"95 % intervals resample {paired}; they do not hold the variation between seeds."
    ]
    if seeds == 1:
        notes.append("One seed: rows whose intervals overlap are not ordered by this table, nor are close ones.")
    if "digits" in config["data"]:
        notes.append("Twins differ in the order of frames alone: no model that ignores it can pass 50 % here.")
    return notes


def _table4_rows(config: Config, layout: Layout, model: str) -> list[dict[str, Any]]:
    """A model's costs at the clip lengths of Table 4; other tables may have asked for more."""
    rows = read_json(layout.profile(model))["rows"]
    return [row for row in rows if row["frames"] in config["tables"]["table4"]["frames"]]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object)  # whole numbers stay so beside missing ones


def _memory(costs: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A profile's memory by measurement where there is one, else by estimate, and which it is.

    A batch too large for the card has no measured bytes.
    """
    kind = "measured" if "measured_largest_batch" in costs else "estimated"
    sizes = {key: costs[f"{kind}_{key}_bytes"] for key in ("activations", "training", "inference")}
    return {**sizes, "largest_batch": costs[f"{kind}_largest_batch"]}, kind


def _gib(size: int | None) -> float | None:
    return None if size is None else size / GIB


def _error(costs: dict[str, Any], key: str) -> float | None:
    """The estimate's error in percent of the measured value, None without one."""
    measured = costs.get(f"measured_{key}")
    return 100 * (costs[f"estimated_{key}"] / measured - 1) if measured else None


def _timing_note(config: Config, layout: Layout) -> str:
    machine = read_json(layout.throughput)["machine"]
    device = machine["cpu"] if machine["device"] == "cpu" else machine["device"]
    return (
        f"Clips/s and frames/s: no autocast, {device}, {machine['threads']} threads, all models in one process, at "
        f"{config['clip']['crop']}x{config['clip']['crop']} as trained here."
    )
