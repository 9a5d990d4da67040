"""The model card of a run: README.md in its folder, from its records alone."""

from collections.abc import Iterator
from functools import cache

from rcn_bench.code import code_of
from rcn_bench.errors import shown
from rcn_bench.intervals import told
from rcn_bench.plan.run import Run
from rcn_bench.predictions import views
from rcn_bench.records.overlap import overlap_notes
from rcn_bench.records.runs import Evaluation, Trained

WORDS = "<!-- words of "  # the last line: by which code the card was worded
STARTS = {
    "random": "random weights",
    "stills": "a 2D network trained on single frames of the embedded data set",
    "imagenet": "a 2D network trained on ImageNet",
}


def model_card(trained: Trained, evaluation: Evaluation | None) -> str:
    """Of a run; evaluation: None of one that is only trained."""
    return "\n".join([*_card(trained, evaluation), "", f"{WORDS}{card_code()} -->", ""])


@cache
def card_code() -> str:
    """The hash of the code that words cards."""
    return code_of(__name__).hash


def _card(trained: Trained, evaluation: Evaluation | None) -> Iterator[str]:
    run, settings, last = Run.parse(trained.run), trained.origin.settings, trained.origin.starts[-1]
    yield f"# {run.name}"
    yield ""
    hidden = f", w_hh from {run.w_hh}" if run.w_hh else ""
    yield f"A network for classes of video: `{run.variant}`, trained on clips of {run.frames} frames, seed {run.seed}."
    yield f"It starts from {STARTS.get(run.w_xh, run.w_xh)}{hidden}. This card is made from the records beside it."
    yield from ["", "## Accuracy", ""]
    yield from _accuracy(evaluation)
    yield from ["", "## Training", ""]
    train, clip = settings.get("train", {}), settings.get("clip", {})
    keys = ("epochs", "frames_per_batch", "lr", "schedule", "momentum", "weight_decay")
    yield f"- Videos: {trained.videos_used} of {trained.videos_listed} listed, frames `{trained.data_fingerprint}`."
    yield f"- Clips: {trained.clips_trained:,}, {_pairs(clip, 'crop', 'stride')}; {_pairs(train, *keys)}."
    if trained.initial_weights is not None:
        known = trained.initial_weights.sha256
        yield f"- Initial weights: `{trained.initial_weights.source}`{f', sha256 `{known}`' if known else ''}."
    yield f"- Command: `{last.command}`, {last.time}, {trained.training_seconds:,.0f} s."
    dirty = ", with changes that were not committed" if last.dirty else ""
    yield f"- Code: `{trained.origin.code}`, commit {f'`{last.commit}`{dirty}' if last.commit else 'not known'}."
    machine, torch = last.machine, last.packages.get("torch")
    threads = f"{machine.threads} threads"
    yield f"- Machine: {machine.name}, {threads}, {machine.system}; Python {machine.python}, torch {torch}."
    repeats = "the same bits" if trained.deterministic else "other last digits"
    yield f"- The same command on such a machine gives {repeats}."
    yield f"- Weights: `model.safetensors`, sha256 `{trained.weights_sha256}`."
    yield from ["", "## Use and limits", ""]
    yield "- For the comparison of models and inits on these videos, and nothing else: no product should rest on it."
    yield "- It knows the classes that it was trained on, and answers one of them whatever it is shown."
    yield "- The accuracy is of one training on videos like those of training; of other videos nothing is known."
    yield "- No licence is recorded: that of the videos, and of the weights that it starts from, counts."


def _accuracy(evaluation: Evaluation | None) -> Iterator[str]:
    if evaluation is None:
        yield "Not evaluated."
        return
    video = f"{evaluation.video_accuracy:.1%}{told(evaluation.video_interval)}"
    clip = f"{evaluation.clip_accuracy:.1%}{told(evaluation.clip_interval)}"
    yield f"- Of videos: {video}, of {evaluation.videos_used} in {evaluation.groups} groups."
    seen = views(evaluation.clips_per_video, evaluation.crops)
    yield f"- Of clips: {clip}, of {evaluation.clips:,}, at most {seen} a video."
    yield "- 95 % intervals in brackets are of this one trained network on new videos."
    if left_out := evaluation.left_out(evaluation.video_accuracy):
        yield f"- {left_out}."
    yield from (f"- {note}" for note in overlap_notes(evaluation.overlap))
    yield f"- {len(evaluation.labels)} classes: {', '.join(map(shown, evaluation.labels))}."


def _pairs(values: dict[str, object], *keys: str) -> str:
    return ", ".join(f"{key} {values[key]}" for key in keys if values.get(key) is not None)
