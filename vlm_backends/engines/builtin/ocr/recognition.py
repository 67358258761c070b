"""Spell the print of one line, the right way up, and say how far it can be trusted."""

import unicodedata
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vlm_backends.engines.builtin.ocr.doubts import (
    has_sign_beside,
    holds_fraction,
    holds_other_letters,
    ink_of,
    is_ring,
    unspelled_share,
)
from vlm_backends.engines.builtin.ocr.frames import rectified, size_of, turned
from vlm_backends.engines.builtin.ocr.networks import spell
from vlm_backends.engines.builtin.ocr_script import further_script

MIN_SCORE = 0.8  # junk scores up to 0.67, true lines from 0.81
SURE_WAY = 0.9  # print that is read upside down scores up to 0.87
_NO_GUESS, _TINY = 0.97, 12  # print of 5 to 9 px (the line's height) is misread with up to 0.96
_WEAK = 0.6  # a character that is less sure may be another
_BETTER = 0.15  # by so much another way up must score higher
_LONGEST = 40  # widths by heights: a longer strip is spelled in pieces
_GAP = 0.35  # of the height: a wider gap parts two words
_CUT_WITHIN = 10  # heights before the end of a piece: where it may be cut
_UNREADABLE = 0.5  # of the ink without a letter: what is left says nothing
_SMALLER = 0.9  # the scale of the copy that must read the same
_BOTH_WAYS = set("0125689lIoOsSxXzZHN:.,-–+=%/| ")
_ALIKE = str.maketrans("ı∆µ", "iδμ")  # one sign, two characters
_MIN_LETTERS, _LIKELY = 3, 0.7  # a line under MIN_SCORE is shown when it is that long and that sure


@dataclass(frozen=True)
class Reading:
    """Hold what one line was read as; the first side of its `quad` is the top of the text."""

    text: str
    score: float  # 0..1
    quad: np.ndarray
    stops: tuple[float, ...] = ()  # the middle of each character, as a fraction of the width
    unspelled: float = 0.0  # share of the letters' ink that no character stands for
    foreign: bool = False  # letters of an alphabet, or signs, that are not spelled
    has_sign_beside: bool = False  # a bullet, an icon or a tick box that no character stands for
    weakest: float = 1.0  # the score of its least sure character
    is_plain: bool = True  # it stands on plain paper, so that a ring is a character
    is_steady: bool = True  # a smaller copy reads the same

    @property
    def is_sure(self) -> bool:
        """Return True when the text can be given as what is printed."""
        trusted = self.is_steady and not self.unspelled and not self.foreign
        return trusted and self.score >= MIN_SCORE

    @property
    def is_shown(self) -> bool:
        """Return True when the text says at least something about what is printed."""
        if self.unspelled > _UNREADABLE or not self.is_plain and is_ring(self.text):
            return False
        letters = sum(char.isalnum() for char in self.text)
        return self.score >= MIN_SCORE or letters >= _MIN_LETTERS and self.score >= _LIKELY


def read_line(bgr: np.ndarray, quad: np.ndarray) -> Reading:
    """Read the line in a quad (4×2, pixels), the way up that is surest.

    The quad is turned as the page's print runs. That way counts unless another is much surer.
    """
    best = read_strip(bgr, quad)
    if best.score < SURE_WAY:
        other = read_strip(bgr, turned(quad, 2))
        if other.score >= MIN_SCORE and other.score > best.score + _BETTER and len(other.text) > 1:
            best = replace(other, is_steady=not _may_be_either(best.text, other.text))
    return checked(bgr, best)


def _may_be_either(one: str, other: str) -> bool:
    """Return True for readings of a line and of its half turn that may both be what is printed."""
    is_open = reads_both_ways(one) and reads_both_ways(other)
    return is_open and one != other and len(one) == len(other)


def reads_both_ways(text: str) -> bool:
    """Return True for a text that reads as another one upside down, such as 12:58 or 69."""
    return set(text) <= _BOTH_WAYS


def checked(bgr: np.ndarray, reading: Reading) -> Reading:
    """Return the reading; one that may be a guess must come out the same from a smaller copy."""
    is_tiny = min(size_of(reading.quad)) < _TINY
    if not is_tiny and reading.score >= _NO_GUESS and reading.weakest >= _WEAK:
        return reading
    return replace(reading, is_steady=reading.is_steady and _is_steady(bgr, reading))


def read_strip(bgr: np.ndarray, quad: np.ndarray) -> Reading:
    """Read the line in a quad as it stands."""
    strip = rectified(bgr, quad)
    text, sure, stops = _spell_in_pieces(strip)
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if start >= end:
        return Reading("", 0.0, quad)
    text, stops = text[start:end], tuple(map(float, stops[start:end]))
    ink = ink_of(strip)
    return Reading(
        text,
        float(sure[start:end].mean()),
        quad,
        stops,
        unspelled_share(ink, text, stops),
        holds_fraction(ink, text, stops) or not further_script() and holds_other_letters(text),
        has_sign_beside(ink, stops),
        float(sure[start:end].min()),
        ink is not None,
    )


def _is_steady(bgr: np.ndarray, reading: Reading) -> bool:
    """Return True when a slightly smaller copy has the same letters: guesses change easily."""
    strip = rectified(bgr, reading.quad)
    smaller = cv2.resize(strip, None, fx=_SMALLER, fy=_SMALLER, interpolation=cv2.INTER_AREA)
    return _letters(_spell_in_pieces(smaller)[0]) == _letters(reading.text)


def _letters(text: str) -> str:
    """Return letters and digits alone; spaces and accents change in print that is read right."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_ALIKE)
    return "".join(char for char in plain if char.isalnum())


def _spell_in_pieces(strip: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """Spell a strip of any length: a very long one is cut in gaps between words."""
    height, width = strip.shape[:2]
    texts, sure, stops, left = [], [], [], 0
    while left < width:
        right, is_gap = _end_of_piece(strip, left)
        text, scores, places = spell(strip[:, left:right])
        if is_gap and text:
            text, scores, places = text + " ", np.append(scores, 1), np.append(places, 1)
        texts.append(text)
        sure.append(scores)
        stops.append((left + places * (right - left)) / width)
        left = right
    return "".join(texts), np.concatenate(sure), np.concatenate(stops)


def _end_of_piece(strip: np.ndarray, left: int) -> tuple[int, bool]:
    """Return where a piece ends that begins at column `left`, and whether words are apart there."""
    height, width = strip.shape[:2]
    if width - left <= _LONGEST * height:
        return width, False
    end = left + _LONGEST * height
    start = end - _CUT_WITHIN * height
    grey = strip[:, start:end].mean(axis=2)
    contrast = grey.max(axis=0) - grey.min(axis=0)
    wide = max(1, round(_GAP * height))
    across = np.convolve(contrast, np.ones(wide) / wide, "same")
    best = int(across.argmin())
    return start + best, bool(across[best] < contrast.mean() / 4)
