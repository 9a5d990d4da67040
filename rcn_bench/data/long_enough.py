"""Which videos of a cache a clip can be taken of, and how many of the list are left out."""

from rcn_bench.data.cache.index import Cache, CachedVideo
from rcn_bench.data.frames import ClipLayout, too_short
from rcn_bench.errors import InputError
from rcn_bench.records.runs import OfVideos, Skipped


def long_enough(cache: Cache, layout: ClipLayout) -> tuple[list[CachedVideo], OfVideos]:
    """The videos that a clip can be taken of, and how many of the list those are.

    Errors: InputError if there are none.
    """
    used, skipped = [], list(cache.skipped)
    for video in cache.videos:
        if short := too_short(video.shape[0], layout.span):
            skipped.append(Skipped(video.id, short))
        else:
            used.append(video)
    if not used:
        told = f"no video has the {layout.span} frames that a clip needs"
        raise InputError(f"{cache.path}: {told}; show models at fewer frames, or lower clip.stride")
    listed = len(used) + len(skipped)
    return used, OfVideos(
        videos_listed=listed, videos_usable=len(cache.videos), videos_used=len(used), videos_skipped=skipped
    )
