"""Crops of frames as bytes, and the numbers that normalise them; without torch, so that live video needs none."""

import numpy as np

from rcn_bench.data.frames import Frames

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as torchvision's pretrained networks expect
STD = (0.229, 0.224, 0.225)


def cut(frames: Frames, left: int, top: int, side: int) -> Frames:
    """A square of frames (T, H, W, 3): (T, side, side, 3), a copy, with the mean colour where it leaves the frame."""
    height, width = frames.shape[1:3]
    square = np.empty((len(frames), side, side, 3), np.uint8)
    rows, columns = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    if (rows.stop - rows.start, columns.stop - columns.start) != (side, side):
        square[:] = np.round(255 * np.array(MEAN))
    if rows.start < rows.stop and columns.start < columns.stop:
        square[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = frames[
            :, rows, columns
        ]
    return square


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
