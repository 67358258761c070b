"""Find the lines of print of a picture of any size.

A large picture is first looked at as a whole, made smaller, for its large print. Then it is looked
at in its own size, piece by piece, where there are marks that may be print: the network overlooks a
few small words on a large empty sheet, but not on a small one. The pieces overlap and are put into
one map, and the boxes are found on that map: no line is seen twice or cut.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.ocr.frames import size_of
from vlm_backends.engines.builtin.ocr.marks import Box, islands
from vlm_backends.engines.builtin.ocr.networks import boxes_of, print_map

_ONE_LOOK = 2048  # px, the longer side: more would take more memory than a server has to spare
_PIECE, _OVERLAP = 1280, 128  # px: a piece, and what is seen around it
_SHORT, _LONG, _MOST = 736, 1104, 3.0  # small pictures are enlarged towards these sides (px)
_SMALL = 750_000  # pixels: on a sheet of that size no word is overlooked
_LARGE = (
    160  # px: from that height on a line falls to pieces, so it is looked for in a smaller copy
)
_SMALLER = 0.25  # that copy's scale
_SURE_HEIGHT = 20  # px: what is as high in the smaller copy was seen well there
_GLANCE = 736  # px, the longer side: enough to tell a page of print from a photograph
_IS_PRINT = 128  # of the print map's 0..255


def find_lines(
    bgr: np.ndarray, cancel: CancelToken, quads: list[np.ndarray]
) -> Iterator[tuple[int, int]]:
    """Add the lines of the picture (H×W×3, uint8) to `quads`, in no order.

    Yields how many pieces are done, of how many. Ends early when cancelled.
    """
    short, long = sorted(bgr.shape[:2])
    scale = max(1.0, min(_SHORT / short, _LONG / long, _MOST))
    seen, back = _resized(bgr, scale)
    large = _large_lines(bgr, _ONE_LOOK / long) if long > _ONE_LOOK else []
    found = np.zeros(seen.shape[:2], np.uint8)
    pieces = _pieces(seen, large)
    for i, piece in enumerate(pieces):
        yield i, len(pieces)
        if cancel.is_set():
            return
        _look(seen, found, piece)
    small = [quad * back for quad in boxes_of(found)]
    if not large and any(min(size_of(quad)) * scale > _LARGE for quad in small):
        large = _large_lines(bgr, _SMALLER * scale)
    quads += _joined(large, small)


def print_share(rgb: np.ndarray) -> float:
    """Return about how much of a picture (H×W×3, uint8) is print, from 0 to 1, at a glance."""
    seen, _ = _resized(rgb, min(1.0, _GLANCE / max(rgb.shape[:2])))
    return float((print_map(cv2.cvtColor(seen, cv2.COLOR_RGB2BGR)) >= _IS_PRINT).mean())


def _resized(bgr: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture at a scale, and the factors (x, y) back to its own pixels."""
    height, width = (max(1, round(side * scale)) for side in bgr.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    seen = bgr if scale == 1 else cv2.resize(bgr, (width, height), interpolation=way)
    return seen, np.array([bgr.shape[1] / width, bgr.shape[0] / height], np.float32)


def _large_lines(bgr: np.ndarray, scale: float) -> list[np.ndarray]:
    """Return the lines that are large enough to be seen well in a smaller copy."""
    seen, back = _resized(bgr, scale)
    return [q * back for q in boxes_of(print_map(seen)) if min(size_of(q)) >= _SURE_HEIGHT]


def _pieces(seen: np.ndarray, found: Sequence[np.ndarray]) -> list[Box]:
    """Return the pieces to look at: the whole picture, or where marks are that are not `found`."""
    height, width = seen.shape[:2]
    if height * width <= _SMALL:
        return [(0, 0, width, height)]
    parts = islands(seen, found)
    if sum(map(_cost, parts)) > height * width / 2:
        parts = [(0, 0, width, height)]
    if max(height, width) <= _ONE_LOOK:
        return parts
    return [piece for part in parts for piece in _cut(part)]


def _cost(part: Box) -> int:
    left, top, right, bottom = part
    return (right - left + 2 * _OVERLAP) * (bottom - top + 2 * _OVERLAP)


def _cut(part: Box) -> list[Box]:
    """Cut a part of a picture into pieces that one look can hold."""
    left, top, right, bottom = part
    return [
        (x, y, min(x + _PIECE, right), min(y + _PIECE, bottom))
        for y in range(top, bottom, _PIECE)
        for x in range(left, right, _PIECE)
    ]


def _look(seen: np.ndarray, found: np.ndarray, piece: Box) -> None:
    """Fill one piece of the map; its surroundings are looked at with it."""
    left, top, right, bottom = piece
    x, y = max(0, left - _OVERLAP), max(0, top - _OVERLAP)
    map_ = print_map(seen[y : bottom + _OVERLAP, x : right + _OVERLAP])
    found[top:bottom, left:right] = map_[top - y : bottom - y, left - x : right - x]


def _joined(large: Sequence[np.ndarray], small: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return both, without the small ones that are pieces of a large one.

    A large one that holds several rows of small ones is left out instead.
    """
    kept: list[np.ndarray] = []
    rest = list(small)
    for quad in large:
        inside = [q for q in rest if cv2.pointPolygonTest(quad, q.mean(axis=0).tolist(), False) > 0]
        if _has_rows(quad, inside):
            continue
        kept.append(quad)
        gone = {id(q) for q in inside}
        rest = [q for q in rest if id(q) not in gone]
    return kept + rest


def _has_rows(quad: np.ndarray, inside: Sequence[np.ndarray]) -> bool:
    """Return True when the boxes inside of the quad are rows of smaller print."""
    height = min(size_of(quad))
    rows = [q for q in inside if min(size_of(q)) < height / 2]
    if len(rows) < 2 or len(rows) < len(inside):
        return False
    across = quad[3] - quad[0] if size_of(quad)[0] > size_of(quad)[1] else quad[1] - quad[0]
    levels = [float(q.mean(axis=0) @ across / np.linalg.norm(across)) for q in rows]
    return max(levels) - min(levels) > height / 3
