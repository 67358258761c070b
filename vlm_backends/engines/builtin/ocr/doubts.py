"""Find out where a line was not read as it is printed, although its characters look sure.

The network has no way to say "a letter that I do not know": it leaves the letter out, or takes one
that looks alike. So the ink of the line is compared with the places of the characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

Run = tuple[int, int]  # from, to: columns of ink, in px
Part = tuple[int, int, int, int]  # x, y, width, height of connected ink, in px

_HEIGHT = 48  # px: the strip is measured at this height
_LETTER_HEIGHT = 10  # px of _HEIGHT: commas, accents and rules are lower
_LETTER_WIDTH = 10  # px of _HEIGHT: narrower ink may be the side of a letter
_NEIGHBOUR_HEIGHT = 24  # px of _HEIGHT: what is cut at the edge and lower is of the next line
_REACH, _WIDE_REACH = 6, 25  # px: how far from its middle a letter's ink lies; of an ideograph
_APART = 17  # px: ink that far from the line's ends is a sign beside the text, such as a bullet
_MIN_CONTRAST = 0.75  # of the variance, explained by ink against paper: plain print has more
_RINGS = set("0OoQCcD8°。〇○●口日")
# drawn things read so too: balls and rings, frames, strokes
_ROUND, _STROKES = "0Oo°。〇○●◯◎•口□■回日▢△▲Δ∆▽▼∇◇◆", "CcQDlI|_-–—一丨"
_WORD = re.compile(r"[^\W\d_]{3,}")
_VIETNAMESE = re.compile(
    r"[ơưƠƯ]|(?=.*[đĐ]).*[àèìòùãõăâêôéëÀÈÌÒÙÃÕĂÂÊÔÉ]"
)  # its tones are left out
_LONE_ONE = re.compile(r"(?<!\S)[一ー](?!\S)")
_IDEOGRAPH = re.compile(r"[\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_FRACTIONS = re.compile("[½¼¾⅓⅔⅛⅜⅝⅞]")  # each of them is taken for another
_LIKE_FRACTIONS = set("%‰℅")  # two small signs around a slanted line
_SLASHED, _TIGHT = re.compile(r"\d/\d"), 18  # px of _HEIGHT: 1/2 in full digits is wider
_SMALL_DIGIT = 0.7  # of the line's height in a fraction
_RISE = 0.15  # of the line's height: so far a fraction's digits may end from its ends
_CYRILLIC_AS_LATIN = re.compile(r"\b(?=\w{5})[ABCEHKMOPTXYIJ]+[346][ABCEHKMOPTXYIJ]+\b")


def ink_of(strip: np.ndarray) -> np.ndarray | None:
    """Return the ink (H×W, 0 or 1) of a strip (H×W×3, uint8), made 48 px high.

    None where ink and paper cannot be told apart, as on a photograph.
    """
    height, width = strip.shape[:2]
    size = max(1, round(width * _HEIGHT / height)), _HEIGHT
    way = cv2.INTER_AREA if height > _HEIGHT else cv2.INTER_LINEAR
    grey = cv2.resize(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY), size, interpolation=way)
    _, light = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    share = light.mean()
    if not 0 < share < 1:
        return None
    apart = grey[light == 1].mean() - grey[light == 0].mean()
    if share * (1 - share) * apart**2 < _MIN_CONTRAST * grey.var():
        return None
    edge = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return 1 - light if edge.mean() > 0.5 else light


def unspelled_share(ink: np.ndarray | None, text: str, stops: Sequence[float]) -> float:
    """Return the share of the letters' ink (see `ink_of`) that no character covers.

    `stops` are the middles of the text's characters, as fractions of the width. Return 0 where ink
    and paper cannot be told apart.
    """
    runs = [] if ink is None else _letters(ink)
    if ink is None or not runs:
        return 0.0
    places = [
        (stop * ink.shape[1], _WIDE_REACH if unicodedata.east_asian_width(char) in "WF" else _REACH)
        for stop, char in zip(stops, text)
        if not char.isspace()
    ]
    missed = [
        (left, right)
        for left, right in _within(runs, places)
        if right - left >= _LETTER_WIDTH
        and not any(left - reach <= place <= right + reach for place, reach in places)
    ]
    return sum(b - a for a, b in missed) / sum(b - a for a, b in runs)


def holds_other_letters(text: str) -> bool:
    """Return True for words of Greek or Vietnamese, or Cyrillic that was taken for Latin."""
    return any(map(_is_greek, _WORD.findall(text))) or any(
        pattern.search(text) for pattern in (_VIETNAMESE, _CYRILLIC_AS_LATIN)
    )


def holds_fraction(ink: np.ndarray | None, text: str, stops: Sequence[float]) -> bool:
    """Return True for a fraction in one sign, such as ¾: it is read as another, or as 34.

    `ink` and `stops` are those of `unspelled_share`.
    """
    if _FRACTIONS.search(text):
        return True
    if ink is None:
        return False
    for match in _SLASHED.finditer(text):
        if (stops[match.end() - 1] - stops[match.start()]) * ink.shape[1] < _TIGHT:
            return True
    signs = [x * ink.shape[1] for x, char in zip(stops, text) if char in _LIKE_FRACTIONS]
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    parts = [(x, y, w, h) for x, y, w, h, _ in boxes[1:].tolist()]
    lines = [part for part in parts if part[3] >= _NEIGHBOUR_HEIGHT and _is_fraction(part, parts)]
    return any(not any(abs(x + w / 2 - sign) < _APART for sign in signs) for x, _, w, _ in lines)


def _is_fraction(line: Part, parts: Sequence[Part]) -> bool:
    """Return True when a small part is above the line at its left, and one below at its right."""
    left, top, width, height = line
    above = below = False
    for x, y, w, h in parts:
        if _LETTER_HEIGHT <= h <= _SMALL_DIGIT * height:
            ends = abs(y - top), abs(y + h - top - height)
            above |= x < left <= x + w and ends[0] <= _RISE * height
            below |= x < left + width <= x + w and ends[1] <= _RISE * height
    return above and below


def has_sign_beside(ink: np.ndarray | None, stops: Sequence[float]) -> bool:
    """Return True when the line begins or ends with a sign that no character stands for.

    `ink` and `stops` are those of `unspelled_share`.
    """
    runs = [] if ink is None else _letters(ink)
    if ink is None or not runs:
        return False
    kept = set(_within(runs, [(stop * ink.shape[1], _REACH) for stop in stops]))
    return any(run not in kept and run[1] - run[0] >= _LETTER_WIDTH for run in runs)


def with_dashes(text: str, others: Iterable[str]) -> str:
    """Return the text with a dash for each lone 一, on a page that is not Chinese or Japanese.

    The network reads a dash that stands apart as that sign. `others` are lines of the same page;
    without any letter or digit nothing is known of it.
    """
    if not _LONE_ONE.search(text):
        return text
    around = _LONE_ONE.sub("", " ".join((text, *others)))
    is_other = any(map(str.isalnum, around)) and not _IDEOGRAPH.search(around)
    return _LONE_ONE.sub("—", text) if is_other else text


def is_ring(text: str) -> bool:
    """Return True when the text is of round characters only: cups, eyes and wheels read so too."""
    return set(text) <= _RINGS


def may_be_drawn(text: str) -> bool:
    """Return True for a text that a ball, a frame or a stroke on plain paper is read as."""
    return set(text) <= set(_ROUND) or len(text) == 1 and text in _STROKES


def _is_greek(word: str) -> bool:
    """Return True for a word of Greek; a single letter before Latin ones is a symbol (µmol)."""
    greek = [unicodedata.name(char, "").startswith("GREEK") for char in word]
    return sum(greek) > 1 or any(greek[1:])


def _letters(ink: np.ndarray) -> list[Run]:
    """Return the columns that letters take, from left to right; those that touch are one."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    runs: list[Run] = []
    for x, y, width, height, _ in sorted(boxes[1:].tolist()):
        is_cut = (y == 0 or y + height == _HEIGHT) and height < _NEIGHBOUR_HEIGHT
        if height < _LETTER_HEIGHT or is_cut:
            continue
        if runs and x <= runs[-1][1]:
            runs[-1] = runs[-1][0], max(runs[-1][1], x + width)
        else:
            runs.append((x, x + width))
    return runs


def _within(runs: list[Run], places: Sequence[tuple[float, int]]) -> list[Run]:
    """Leave out one sign before and one after the text, such as a bullet or an icon."""
    if len(runs) > 1 and places:
        first, last = places[0][0], places[-1][0]
        if runs[0][1] + _APART < runs[1][0] and runs[0][1] < first:
            runs = runs[1:]
        if len(runs) > 1 and runs[-2][1] + _APART < runs[-1][0] and runs[-1][0] > last:
            runs = runs[:-1]
    return runs
