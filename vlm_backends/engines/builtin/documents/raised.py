"""Find digits that stand raised beside others: powers and footnotes, which the OCR reads level."""

from collections.abc import Sequence
from itertools import zip_longest

import cv2
import numpy as np

from vlm_backends.engines.builtin.documents.pieces import PrintPiece
from vlm_backends.engines.builtin.documents.upright import UprightPage
from vlm_backends.media.geometry import Box

_INK = 0.35  # of a piece's contrast
_AROUND = 0.3  # in heights of a piece: raised digits stand above it
_TALL = 0.6  # of the tallest sign: a digit that others are compared with
_APART = 0.1  # of its height: what is nearer to the next sign is a part of it
_SMALL = 0.9  # of the height of its neighbour: a raised digit is no higher
_LEAST = 0.42  # of it: a smaller part is one of a broken digit
_RAISED = 0.22  # of its neighbour's height: how far its foot is above the other's
_USUAL = 0.15  # of all digits: where more are uneven, they are of an old style


def with_raised_digits(pieces: Sequence[PrintPiece], page: UprightPage) -> list[PrintPiece]:
    """Return the pieces that have a raised digit; none where the type's digits are uneven."""
    found, raised, digits = [], 0, 0
    for piece in pieces:
        own = sum(char.isdecimal() for char in piece.text)
        count = _raised(piece, page) if own and len(piece.text) > 1 else 0
        raised, digits = raised + count, digits + own
        if count:
            found.append(piece)
    return found if raised <= max(2, _USUAL * digits) else []


def _raised(piece: PrintPiece, page: UprightPage) -> int:
    """Return how many digits of a piece are smaller and higher than the sign before them."""
    signs = _signs(piece, page)
    most = max((bottom - top for _, top, _, bottom in signs), default=0.0)
    apart = _APART * most
    before, count = None, 0
    for sign, after in zip_longest(signs, signs[1:]):
        left, top, right, bottom = sign
        is_digit = _char_at((left + right) / 2, piece).isdecimal()
        is_whole = after is None or after[0] - right >= apart
        if before and is_digit and is_whole and _is_raised(sign, before):
            count += 1
        elif bottom - top >= _TALL * most:
            before = sign
    return count


def _is_raised(sign: Box, before: Box) -> bool:
    (_, top, _, bottom), (_, other_top, _, foot) = sign, before
    height, other = bottom - top, foot - other_top
    return (
        _SMALL * other >= height >= _LEAST * other
        and foot - bottom >= _RAISED * other
        and top <= other_top + _RAISED * other
    )


def _signs(piece: PrintPiece, page: UprightPage) -> list[Box]:
    """Return the boxes of a piece's signs from the left, px of the page; an "i" is one of them."""
    around = round(_AROUND * piece.height)
    left, top, right, bottom = (max(0, round(side)) for side in piece.box)
    top, bottom = max(0, top - around), bottom + around
    part = page.grey[top:bottom, left:right].astype(float)
    if not part.size:
        return []
    differences = np.abs(part - np.median(part))
    ink = (differences > _INK * differences.max()).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    boxes = [
        (left + x, top + y, left + x + width, top + y + height)
        for x, y, width, height, _ in stats[1:].tolist()
        if width * height > 4 and height < bottom - top
    ]
    return _one_above_another(sorted(boxes))


def _one_above_another(boxes: Sequence[Box]) -> list[Box]:
    """Join boxes that share most of their width: the parts of one sign."""
    signs: list[Box] = []
    for box in boxes:
        left, top, right, bottom = box
        last = signs[-1] if signs else None
        if last and min(right, last[2]) - left > 0.5 * min(right - left, last[2] - last[0]):
            signs[-1] = last[0], min(top, last[1]), max(right, last[2]), max(bottom, last[3])
        else:
            signs.append(box)
    return signs


def _char_at(x: float, piece: PrintPiece) -> str:
    """Return the character of a piece that is nearest to a position."""
    return piece.text[int(np.argmin(np.abs(np.asarray(piece.middles) - x)))]
