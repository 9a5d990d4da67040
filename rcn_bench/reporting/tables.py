"""The paper's tables, from result files: every row names the runs that it comes from."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rcn_bench.analysis.intervals import accuracy_interval
from rcn_bench.errors import InputError
from rcn_bench.experiment import Config, Run, base_network, table1_rows, table2_rows, table3_rows
from rcn_bench.files import read_json, write_text
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
    return Table(f"Table 1. Inits of {of['model']} at {of['frames']} frames", pd.DataFrame(rows), notes)


def table2(config: Config, layout: Layout) -> Table:
    """Table 2: every architecture, from random and from pretrained weights."""
    rows = []
    for (model, w_xh), runs in table2_rows(config).items():
        costs = _costs(layout.profile(model), model, config["tables"]["table2"]["frames"], config["stem_pool"])
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
    return Table(f"Table 2. Architectures at {config['tables']['table2']['frames']} frames", pd.DataFrame(rows), notes)


def table3(config: Config, layout: Layout) -> Table:
    """Table 3: accuracy, memory and time at each clip length."""
    rows = []
    for (model, frames), runs in table3_rows(config).items():
        costs, speed = (
            _costs(path, model, frames, config["stem_pool"]) for path in (layout.profile(model), layout.throughput)
        )
        rows.append(
            {
                "model": model,
                "frames": frames,
                "w_xh": runs[0].w_xh,
                **_accuracy(runs, layout),
                "activations MiB/clip": costs["activation_bytes"] / costs["memory_batch"] / MIB,
                "memory": costs["memory_is"],
                "training ms/clip": 1000 / speed["training_clips_per_second"],
                **_sources(runs, layout),
            }
        )
    notes = [*_accuracy_notes(config), *_cost_notes(config, layout)]
    return Table("Table 3. Clip length", pd.DataFrame(rows), notes)


def table4(config: Config, layout: Layout) -> Table:
    """Table 4: parameters, GMACs, memory and throughput of every model."""
    rows = []
    for model in config["tables"]["table4"]["models"]:
        for costs in read_json(layout.profile(model))["rows"]:
            speed = _costs(layout.throughput, model, costs["frames"], costs["stem_pool"])
            rows.append(
                {
                    "model": model,
                    "stem pool": costs["stem_pool"],
                    "frames": costs["frames"],
                    "parameters": costs["parameters"],
                    "GMACs": costs["gmacs"],
                    "input": costs["input"],
                    "activations GiB": costs["activation_bytes"] / GIB,
                    "at batch": costs["memory_batch"],
                    "memory": costs["memory_is"],
                    "training clips/s": speed["training_clips_per_second"],
                    "inference clips/s": speed["inference_clips_per_second"],
                    "timed at": f"{speed['timing_batch']}x{speed['timing_input']}",
                }
            )
    notes = [
        "GMACs: 1e9 multiply-accumulates of convolutions, linear layers and matrix products for one clip; a FLOP "
        "count that counts multiplications and additions apart is twice this.",
        *_cost_notes(config, layout),
    ]
    return Table("Table 4. Cost", pd.DataFrame(rows), notes)


BUILDERS: dict[str, Callable[[Config, Layout], Table]] = {
    "table1_init": table1,
    "table2_architectures": table2,
    "table3_clip_length": table3,
    "table4_cost": table4,
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
        predictions = pd.read_csv(layout.predictions(run), dtype=text, keep_default_na=False).set_index("video")
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


def _cost_notes(config: Config, layout: Layout) -> list[str]:
    machine, settings = read_json(layout.throughput)["machine"], config["profile"]
    device = machine["cpu"] if machine["device"] == "cpu" else machine["device"]
    return [
        f"Activations: bytes that a training step's forward pass keeps for its backward pass at "
        f"{settings['size']}x{settings['size']}, float32; estimated from tensor shapes where no GPU is at hand, else "
        f"measured. Throughput: no autocast, {device}, {machine['threads']} threads, at {config['clip']['crop']}x"
        f"{config['clip']['crop']} as trained here."
    ]
