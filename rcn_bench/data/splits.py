"""The lists of an experiment's splits compared, before anything is decoded.

By itself, since evaluations compare the caches (see overlap.py) and depend on no list.
"""

from collections import Counter
from pathlib import Path

from rcn_bench.data.overlap import Shown, compare, require_apart
from rcn_bench.files import Progress
from rcn_bench.lists.spelling import require_one_spelling
from rcn_bench.lists.video import Video, video_path
from rcn_bench.plan.experiment import Experiment


def require_lists_apart(experiment: Experiment, progress: Progress) -> None:
    """Tell what the lists of a user's own videos have in common: files, groups, validation's classes without any.

    What only the content of the files tells, the caches tell. Errors: InputError if a list cannot be read, if a
    class is spelled in two ways, or if they overlap by more than data.max_overlap.
    """
    dataset = experiment.dataset
    if experiment.data.digits is not None:
        return
    train, val = dataset.listed("train"), dataset.listed("val")
    require_one_spelling(train.first_places, val.first_places)
    named = Counter(path for video in (*train, *val) for path in video.paths)
    shared = {path for path, times in named.items() if times > 1}
    splits = ([_shown(video, dataset.videos, shared) for video in split] for split in (train, val))
    overlap = compare(*splits)
    for line in overlap.lines():
        progress(line)
    require_apart(overlap, experiment.data.max_overlap)


def _shown(video: Video, root: Path, shared: set[str]) -> Shown:
    """shared: paths that several videos name; which of its paths a video has is looked up for those alone."""
    file = root / video.paths[0] if shared.isdisjoint(video.paths) else video_path(root, video)
    return Shown(video.id, video.label, video.group, str(file), str(video.span or ""))
