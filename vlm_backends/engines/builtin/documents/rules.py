"""Find the rules of tables: thin straight lines along and across the print."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from vlm_backends.engines.builtin.documents.upright import UprightPage

_MOST = 800  # lines of one way: a picture of cloth or leaves has thousands
_SET = 255  # in a mask
_THICKEST = 7  # px: a broader line is a fill
_BESIDE = 3, 6, 9  # px: how far above and below a line its paper is looked at
_UNBROKEN = 0.88  # of its length: letters that stand close together leave more gaps
_FAINTEST = 4  # of 255: how much a rule differs from its paper
_NOISE = 4  # times the noise of the picture, and at least that much
_LONG, _HIGH = 2.5, 1.4  # in heights of a line: the shortest rule along and across the print
_EDGE = 6.0  # in heights of a line: the shortest edge of a fill
_NEAR, _ASIDE = 0.3, 1.5  # in heights: a line so near a word, and no longer, belongs to it
_MEET = 8.0  # px: rules that end so near each other meet
_STROKE = 0.5  # in heights: an upright that goes no farther over a word is a letter of it
_GAP = 0.6  # in heights: parts of one rule may be so far apart
_AT_ONE_LEVEL = 4.0  # px: parts of one rule may differ so much


@dataclass(frozen=True)
class RuledLine:
    """Hold a rule, px: its level (y of one along the print, x of one across) and its ends."""

    level: float
    start: float
    end: float

    def covers(self, start: float, end: float, share: float = 0.5) -> bool:
        """Return True when the rule runs along at least a share of a stretch."""
        common = min(self.end, end) - max(self.start, start)
        return common >= share * (end - start) > 0


@dataclass(frozen=True)
class Rules:
    """Hold the rules of a page: those along the print, those across it, and the edges of fills."""

    along: tuple[RuledLine, ...]
    across: tuple[RuledLine, ...]
    edges: tuple[RuledLine, ...] = ()  # along the print, of stripes and of filled heads


def find_rules(page: UprightPage) -> Rules:
    """Return the rules of a page, darker or lighter than their paper; none through a word."""
    high = page.line_height
    along = _rules(page.grey, round(_LONG * high), _GAP * high)
    across = _rules(np.ascontiguousarray(page.grey.T), round(_HIGH * high), _GAP * high)
    return Rules(
        tuple(rule for rule in along if _is_framed(rule, across) or not _is_print(rule, page)),
        tuple(rule for rule in across if not _is_letter(rule, page)),
        _edges(page.grey, round(_EDGE * high), _GAP * high),
    )


def _is_print(rule: RuledLine, page: UprightPage) -> bool:
    """Return True for a line that is the letters of a word, or underlines it."""
    near, aside = _NEAR * page.line_height, _ASIDE * page.line_height
    return any(
        piece.box[1] - near <= rule.level <= piece.box[3] + near
        and piece.box[0] - aside <= rule.start
        and rule.end <= piece.box[2] + aside
        for piece in page.pieces
    )


def _is_framed(rule: RuledLine, across: tuple[RuledLine, ...]) -> bool:
    """Return True for a rule that goes from one upright rule to another."""
    meeting = [
        other.level for other in across if other.start - _MEET <= rule.level <= other.end + _MEET
    ]
    return all(any(abs(x - end) <= _MEET for x in meeting) for end in (rule.start, rule.end))


def _is_letter(rule: RuledLine, page: UprightPage) -> bool:
    """Return True for an upright line that is in a word and not much higher than it."""
    near = _STROKE * page.line_height
    return any(
        piece.box[0] <= rule.level <= piece.box[2]
        and piece.box[1] - near <= rule.start
        and rule.end <= piece.box[3] + near
        for piece in page.pieces
    )


def _rules(grey: np.ndarray, shortest: int, gap: float) -> tuple[RuledLine, ...]:
    """Return the level rules of a picture, top to bottom."""
    return _lines(_thin(grey), shortest, gap)


def _edges(grey: np.ndarray, shortest: int, gap: float) -> tuple[RuledLine, ...]:
    """Return the level edges of fills, top to bottom."""
    padded = np.pad(grey.astype(np.int16), ((_BESIDE[0], _BESIDE[0]), (0, 0)), mode="edge")
    step = padded[2 * _BESIDE[0] :] - padded[: -2 * _BESIDE[0]]
    least = _least(step)
    return _lines(
        (_SET * (sign * step > least).astype(np.uint8) for sign in (1, -1)), shortest, gap
    )


def _lines(masks: Iterator[np.ndarray], shortest: int, gap: float) -> tuple[RuledLine, ...]:
    """Return the level lines of masks (H×W, 0 or 255) that are at least `shortest` px long."""
    length = max(9, shortest)
    found = []
    for mask in masks:
        share = cv2.boxFilter(mask, cv2.CV_8U, (length, 1), borderType=cv2.BORDER_CONSTANT)
        core = (share >= round(_UNBROKEN * _SET)).astype(np.uint8)
        _, _, stats, middles = cv2.connectedComponentsWithStats(core)
        for (left, _, width, height, _), (_, y) in list(zip(stats, middles))[1:]:
            if height <= _THICKEST + 0.02 * width:
                half = length / 2
                found.append(RuledLine(float(y), float(left - half), float(left + width + half)))
    longest = sorted(found, key=lambda rule: rule.start - rule.end)[:_MOST]
    return _joined(sorted(longest, key=lambda rule: rule.level), gap)


def _thin(grey: np.ndarray) -> Iterator[np.ndarray]:
    """Yield masks (H×W, 0 or 255) of what is darker, and what is lighter, than on both sides."""
    level = grey.astype(np.int16)
    for sign in (1, -1):
        mask = np.zeros(grey.shape, np.uint8)
        for k in _BESIDE:
            padded = np.pad(sign * level, ((k, k), (0, 0)), mode="edge")
            paper = np.minimum(padded[: -2 * k], padded[2 * k :])
            contrast = paper - sign * level
            mask[contrast > _least(contrast)] = _SET
        yield mask


def _least(contrast: np.ndarray) -> float:
    """Return the contrast above which a picture has more than noise."""
    noise = 1.5 * float(np.median(np.abs(contrast - np.median(contrast))))
    return max(_FAINTEST, _NOISE * noise)


def _joined(parts: list[RuledLine], gap: float) -> tuple[RuledLine, ...]:
    """Join parts on one level that follow each other."""
    rules: list[RuledLine] = []
    for part in parts:
        for i, rule in enumerate(rules):
            apart = max(part.start, rule.start) - min(part.end, rule.end)
            if abs(rule.level - part.level) <= _AT_ONE_LEVEL and apart <= gap:
                first, last = min(rule.start, part.start), max(rule.end, part.end)
                one, other = rule.end - rule.start, part.end - part.start
                level = (rule.level * one + part.level * other) / (one + other)
                rules[i] = RuledLine(level, first, last)
                break
        else:
            rules.append(part)
    return tuple(rules)
