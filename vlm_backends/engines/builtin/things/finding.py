"""Find the things in a picture: a name, how sure, and a box for each."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.things.boxes import (
    Thing,
    box_area,
    moved,
    overlap,
    shared_area,
)
from vlm_backends.engines.builtin.things.detector import Detections
from vlm_backends.engines.builtin.things.source import Look, detector
from vlm_backends.media.geometry import Box
from vlm_backends.types import CONFIDENCE

_SAME, _OTHER = 0.5, 0.8  # overlap (IoU) from which a box is another's double: of one name, of two
_MOST = 100  # things in one picture
_LEAST, _MOST_SEEN = 0.05, 1000  # of what the network sees: the rest is noise
_TILED_FROM = 900  # px, of the shorter side: small things are lost when it shrinks to 300
_TILES, _TILE = 2, 0.6  # tiles a side, and the share of the side that each has
_TILE_CONFIDENCE = 0.6  # a part of a thing looks like another thing more often than a whole
_LARGEST_IN_TILE = 0.5  # of the tile's sides: larger things are seen in the whole picture
_AT_EDGE = 0.02  # of the tile: what touches an inner edge is cut off
_INSIDE = 0.6  # of a box of a tile: so much within a larger box is a part of that thing
_SHEETS = frozenset({"tv", "laptop", "book", "cell phone", "refrigerator", "microwave", "oven"})
_SHEET_AREA = 0.5  # of the picture: from there on such a thing may be the page itself
_PAGE_PRINT = 0.02  # of the picture: so much print is a page's or a screenshot's
_EVEN = 2  # of 255: neighbouring pixels of a drawing's areas differ by no more, compressed or not
_DRAWN_EVEN, _DRAWN_COLOURS = 0.4, 0.7  # of the pixels: photographs have grain and many colours
_FEW_COLOURS = 8
_LOOKED_AT = 300  # pixels, each way: enough of a box to tell


def find_things(
    rgb: np.ndarray, min_score: float = CONFIDENCE, cancel: CancelToken | None = None
) -> list[Thing]:
    """Return the things in a picture (H×W×3, uint8), the surest first.

    A large picture is looked at in overlapping tiles as well. The network knows photographs: what
    is drawn is left out, and so is a "tv", "laptop", "book" or the like that fills half of a
    picture with print: it is the page or the screenshot itself.
    """
    found = _seen(rgb, min_score, detector().look)
    if tile_score := small_things_from(rgb):
        for tile in _tiles():
            if cancel and cancel.is_set():
                break
            found += _in_tile(rgb, tile, max(min_score, tile_score), tuple(found))
        found = distinct(found)
    return _without_pages(rgb, [thing for thing in found if not _is_drawn(rgb, thing.box)])


def small_things_from(rgb: np.ndarray) -> float:
    """Return how sure a thing must be that only a tile of the picture (H×W×3) shows; 0: no tiles.

    That holds whatever score is asked for.
    """
    return _TILE_CONFIDENCE if min(rgb.shape[:2]) >= _TILED_FROM else 0.0


def _seen(rgb: np.ndarray, min_score: float, look: Look) -> list[Thing]:
    found = distinct(things_of(look(rgb), min_score))
    return detector().confirm(rgb, found, min_score)


def things_of(seen: Detections, min_score: float) -> list[Thing]:
    """Return a thing for each anchor and kind that scores enough; many are doubles."""
    rows, kinds = np.nonzero(seen.scores >= max(min_score, _LEAST))
    surest = np.argsort(-seen.scores[rows, kinds])[:_MOST_SEEN]
    rows, kinds = rows[surest], kinds[surest]
    return [
        Thing(detector().kinds[kind], float(seen.scores[row, kind]), _box(seen.boxes[row]))
        for row, kind in zip(rows, kinds)
    ]


def distinct(found: Sequence[Thing]) -> list[Thing]:
    """Return the surest of the things that are doubles of each other, the surest first."""
    kept: list[Thing] = []
    for thing in sorted(found, key=lambda thing: -thing.score):
        if all(
            overlap(thing.box, other.box) < (_SAME if other.name == thing.name else _OTHER)
            for other in kept
        ):
            kept.append(thing)
    return kept[:_MOST]


def _box(row: np.ndarray) -> Box:
    left, top, right, bottom = map(float, row)
    return left, top, right, bottom


def _tiles() -> Iterator[Box]:
    starts = [i * (1 - _TILE) / (_TILES - 1) for i in range(_TILES)]
    yield from ((x, y, x + _TILE, y + _TILE) for y in starts for x in starts)


def _in_tile(
    rgb: np.ndarray, tile: Box, min_score: float, known: Sequence[Thing]
) -> Iterator[Thing]:
    """Yield the whole small things of a tile that are no part of a known thing."""
    height, width = rgb.shape[:2]
    left, top = round(tile[0] * width), round(tile[1] * height)
    part = rgb[top : round(tile[3] * height), left : round(tile[2] * width)]
    for thing in _seen(part, min_score, detector().glance):
        x0, y0, x1, y1 = thing.box
        if max(x1 - x0, y1 - y0) > _LARGEST_IN_TILE or _is_cut(thing.box, tile):
            continue
        whole = moved(thing, tile)
        if not any(_is_part(whole.box, other.box) for other in known):
            yield whole


def _is_part(box: Box, other: Box) -> bool:
    """Return True for a box that lies in a larger one; two of one size are doubles."""
    return overlap(box, other) < _SAME and shared_area(box, other) >= _INSIDE * box_area(box)


def _is_cut(box: Box, tile: Box) -> bool:
    """Return True when a box of a tile touches an edge of it that is not the picture's."""
    return (
        (box[0] < _AT_EDGE and tile[0] > 0)
        or (box[1] < _AT_EDGE and tile[1] > 0)
        or (box[2] > 1 - _AT_EDGE and tile[2] < 1)
        or (box[3] > 1 - _AT_EDGE and tile[3] < 1)
    )


def _is_drawn(rgb: np.ndarray, box: Box) -> bool:
    """Return True when what is in the box is even areas of few colours, beside its ground."""
    if box_area(box) == 0:
        return True
    rows = _sampled(box[1], box[3], rgb.shape[0])
    part = np.ascontiguousarray(rgb[rows, _sampled(box[0], box[2], rgb.shape[1])])
    kernel = np.ones((3, 3), np.uint8)
    even = (cv2.dilate(part, kernel) - cv2.erode(part, kernel)).max(axis=2) <= _EVEN
    colours = (part >> 3).astype(np.int32) @ (1024, 32, 1)
    counts = np.bincount(colours.ravel())
    figure = colours != counts.argmax()
    if not figure.any():
        return True
    few = np.sort(np.bincount(colours[figure]))[-_FEW_COLOURS:].sum() / figure.sum()
    return bool(even[figure].mean() >= _DRAWN_EVEN or few >= _DRAWN_COLOURS)


def _sampled(start: float, end: float, side: int) -> slice:
    """Return the pixels of a stretch in 0..1 of a side, or of a long one each second, third...

    A large photograph is smooth from pixel to pixel, as a drawing is; at this distance it is not.
    """
    first, last = int(start * side), int(end * side) + 1
    return slice(first, last, max(1, round((last - first) / _LOOKED_AT)))


def _without_pages(rgb: np.ndarray, found: Sequence[Thing]) -> list[Thing]:
    """Leave out a "tv", "laptop" or "book" that is the picture itself, full of print."""
    sheets = [
        thing for thing in found if thing.name in _SHEETS and box_area(thing.box) >= _SHEET_AREA
    ]
    if not sheets or ocr.print_share(rgb) < _PAGE_PRINT:
        return list(found)
    return [thing for thing in found if thing not in sheets]
