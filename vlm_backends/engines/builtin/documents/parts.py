"""Find the parts of a page: titles, texts, figures, tables and their captions.

The network is PaddleOCR's PP-Structure (PicoDet, trained on CDLA); see the README of `weights/`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vlm_backends.engines.builtin import networks
from vlm_backends.engines.builtin.documents.tables import PrintedTable
from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.things import box_area, overlap, shared_area
from vlm_backends.media.geometry import Box, bounds, clamp
from vlm_backends.types import Point

_NETWORK = "layout.onnx"
_WIDTH, _HEIGHT = 608, 800  # px of its input
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of RGB
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_STRIDES = 8, 16, 32, 64  # px of its cells
_BINS = 8  # of the distance to each side of a box
_LEAST = 0.6  # the score of a part
_TWICE = 0.5  # overlap (IoU) of two boxes of one part
_TABLE = 0.5  # of the smaller one: a part that shares so much with a table is that table
_WHOLE = 0.8  # of the picture: a figure as large as the page is no part of one
_UNPRINTED = frozenset({"figure", "table"})  # kinds that need no print, and are no sign of a page


@dataclass(frozen=True)
class PagePart:
    """Hold a part of a page: its kind, its box (0..1) and how sure it is."""

    kind: str
    box: Box
    score: float | None = None  # None for a table whose cells were read


def page_parts(
    rgb: np.ndarray, lines: Sequence[TextLine], tables: Sequence[PrintedTable]
) -> list[PagePart]:
    """Return the parts of a page (H×W×3, uint8) with this print and these tables, from the top.

    Parts of print end where their lines end; a line belongs to the surest part around it.
    """
    known = [PagePart("table", _bounds(table.outline, rgb)) for table in tables]
    left = [line for line in lines if not any(_holds(part, line, rgb) for part in known)]
    found = []
    for part in _detected(rgb):
        own = [line for line in left if _holds(part, line, rgb)]
        if any(_is_same(part, table) for table in known) or part.kind not in _UNPRINTED and not own:
            continue
        if part.kind in _UNPRINTED:
            found += [part] if box_area(part.box) < _WHOLE else []
            continue
        left = [line for line in left if line not in own]
        points = [point for line in own for point in line.quad]
        found.append(replace(part, box=_bounds(points, rgb)))
    is_page = any(part.kind not in _UNPRINTED for part in found)
    parts = [*known, *found] if is_page else known
    return sorted(parts, key=lambda part: (part.box[1], part.box[0]))


def _is_same(part: PagePart, table: PagePart) -> bool:
    """Return True when a part is about the table, whose cells were read, or around it."""
    least = min(box_area(part.box), box_area(table.box))
    return shared_area(part.box, table.box) > _TABLE * least


def _detected(rgb: np.ndarray) -> Iterator[PagePart]:
    """Yield what the network finds, the surest first; of two over each other, the first."""
    session = networks.session(_NETWORK)
    names = session.get_modelmeta().custom_metadata_map["character"].split("\n")
    small = cv2.resize(rgb, (_WIDTH, _HEIGHT))
    tensor = ((small / np.float32(255) - _MEAN) / _STD).transpose(2, 0, 1)[None]
    outputs = session.run(None, {session.get_inputs()[0].name: tensor.astype(np.float32)})
    half = len(outputs) // 2
    scores = np.concatenate([output[0] for output in outputs[:half]])
    boxes = np.concatenate(list(map(_boxes, _STRIDES, (out[0] for out in outputs[half:]))))
    kept: list[Box] = []
    cells, kinds = np.nonzero(scores > _LEAST)
    for i in np.argsort(-scores[cells, kinds]):
        left, top, right, bottom = (float(side) for side in boxes[cells[i]])
        box = left, top, right, bottom
        if all(overlap(box, other) < _TWICE for other in kept):
            kept.append(box)
            name, score = names[kinds[i]].replace("_", " "), float(scores[cells[i], kinds[i]])
            yield PagePart(name, box, score)


def _boxes(stride: int, spread: np.ndarray) -> np.ndarray:
    """Return the boxes (N×4, 0..1) of one stride from the spreads of their sides (N×32)."""
    ys, xs = np.mgrid[: -(-_HEIGHT // stride), : -(-_WIDTH // stride)]
    middles = (np.stack([xs, ys], axis=-1).reshape(-1, 2) + 0.5) * stride
    weights = np.exp(spread.reshape(-1, 4, _BINS))
    reach = (weights / weights.sum(axis=2, keepdims=True) @ np.arange(_BINS)) * stride
    boxes = np.concatenate([middles - reach[:, :2], middles + reach[:, 2:]], axis=1)
    return (boxes / [_WIDTH, _HEIGHT, _WIDTH, _HEIGHT]).clip(0, 1)


def _holds(part: PagePart, line: TextLine, rgb: np.ndarray) -> bool:
    """Return True when the middle of a line of print is in a part."""
    x0, y0, x1, y1 = _bounds(line.quad, rgb)
    left, top, right, bottom = part.box
    return left <= (x0 + x1) / 2 <= right and top <= (y0 + y1) / 2 <= bottom


def _bounds(points: Sequence[Point], rgb: np.ndarray) -> Box:
    """Return the box (0..1) around points in pixels."""
    left, top, right, bottom = bounds(points)
    height, width = rgb.shape[:2]
    return clamp(left / width), clamp(top / height), clamp(right / width), clamp(bottom / height)
