"""Crops of frames as bytes, and the numbers that normalise them; without torch, so that live video needs none."""

import numpy as np

from rcn_bench.data.frames import Frames

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as torchvision's pretrained networks expect
STD = (0.229, 0.224, 0.225)
MEAN_COLOUR = np.round(255 * np.array(MEAN)).astype(np.uint8)


def cut(frames: Frames, left: int, top: int, side: int) -> Frames:
    """A square of frames (T, H, W, 3): (T, side, side, 3), a copy, with the mean colour where it leaves the frame."""
    rows, columns = (_covered(*axis, side) for axis in zip((top, left), frames.shape[1:3], strict=True))
    square = np.empty((len(frames), side, side, 3), np.uint8)
    square[:, rows, columns] = frames[:, rows.start + top : rows.stop + top, columns.start + left : columns.stop + left]
    # The margins alone: training's boxes leave most frames by some pixels, and a colour is written three bytes a time.
    square[:, : rows.start] = square[:, rows.stop :] = MEAN_COLOUR
    square[:, :, : columns.start] = square[:, :, columns.stop :] = MEAN_COLOUR
    return square


def _covered(first: int, length: int, side: int) -> slice:
    """The places of a square, whose first one is that of the frame, that a frame of this length covers."""
    start = min(max(-first, 0), side)
    return slice(start, max(min(length - first, side), start))


def centre_crop(frames: Frames, crop: int) -> Frames:
    """(T, H, W, 3) to (T, crop, crop, 3); frames smaller than it stand in its middle."""
    height, width = frames.shape[1:3]
    return cut(frames, (width - crop) // 2, (height - crop) // 2, crop)


def spread_crops(frames: Frames, crop: int, crops: int) -> list[Frames]:
    """The centre alone, or evenly spread along the frame's longer side, its width if it is square: (T, crop, crop, 3).

    The one in the middle is the centre; along the shorter side all are.
    """
    if crops == 1:
        return [centre_crop(frames, crop)]
    height, width = frames.shape[1:3]
    corners = [room * place // (crops - 1) for place in range(crops) for room in [max(height, width) - crop]]
    left, top = (width - crop) // 2, (height - crop) // 2
    return [cut(frames, *((along, top) if width >= height else (left, along)), crop) for along in corners]
