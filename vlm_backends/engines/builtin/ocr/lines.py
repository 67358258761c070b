"""Read all print of a picture line by line, in the order in which a person reads it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.builtin.ocr.detection import find_lines
from vlm_backends.engines.builtin.ocr.doubts import may_be_drawn, with_dashes
from vlm_backends.engines.builtin.ocr.frames import (
    TALL,
    along,
    is_tall,
    page_angle,
    size_of,
    turned,
)
from vlm_backends.engines.builtin.ocr.reading_order import reading_rows
from vlm_backends.engines.builtin.ocr.recognition import (
    SURE_WAY,
    Reading,
    checked,
    read_line,
    read_strip,
    reads_both_ways,
)
from vlm_backends.types import Point

_MIN_SIDE = 10  # px: nothing is printed below it
_LINES_AT_A_TIME = 4  # recognised before they are yielded together
_VOTES = 2  # lines that agree on which way up the page is
_ASKED = 5  # lines that are asked for it at most, the longest first
_MIN_LETTERS = 3  # of a line that is asked: digits may be read upside down too
_SURE_DIGITS = 0.97  # digits that are read upside down score less, unless they look alike
_CLEARLY = 0.15  # by so much a page without letters must be surer the other way to be turned
_SLIGHTLY = 0.03  # by so much it may be, and then its digits are not sure
_AS_HIGH = 2.0  # times as high or as low: a single sign is print beside such print
_UPWARDS = 3  # quarter turns: how print beside the lines runs most often


@dataclass(frozen=True)
class TextLine:
    """A piece of print on one line.

    Its corners are in pixels, clockwise from the top left of the text; of vertical Chinese and
    Japanese from the top right, where reading begins.
    """

    text: str
    score: float  # 0..1
    quad: tuple[Point, ...]
    row: int = 0  # pieces of one row stand side by side
    stops: tuple[float, ...] = ()  # the middle of each character, 0..1 along the quad's first side
    is_sure: bool = True
    has_sign_beside: bool = False  # such as a tick box, before or after the text and not in it

    @property
    def height(self) -> float:
        """Return the height of the line in pixels: more than that of its letters."""
        return min(size_of(np.asarray(self.quad)))


class Scan:
    """The print of one picture (H×W×3, uint8): first `find` it, then read its `lines`."""

    def __init__(self, rgb: np.ndarray, cancel: CancelToken | None = None) -> None:
        self.unread: list[Point] = []  # middles of places that look like print, and were not read
        self._cancel = cancel or CancelToken()
        self._bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        self._quads: list[np.ndarray] = []
        self._read: dict[bytes, Reading] = {}  # by their corners: lines that were asked
        self._is_words: dict[bytes, bool] = {}  # by their corners: lines beside a single sign
        self._is_way_open = False  # the page may be upside down, for all that its digits say

    def find(self) -> Iterator[tuple[int, int]]:
        """Find the places of print; yield how many pieces of the picture are done, of how many."""
        if min(self._bgr.shape[:2]) >= _MIN_SIDE:
            yield from find_lines(self._bgr, self._cancel, self._quads)

    def lines(self) -> Iterator[list[TextLine]]:
        """Yield the lines in reading order, a few at a time; end when cancelled.

        Lines that are no more than a guess are in `unread` instead.
        """
        rows = self._rows()
        places = [(quad, row) for row, quads in enumerate(rows) for quad in quads]
        for start in range(0, len(places), _LINES_AT_A_TIME):
            if self._cancel.is_set():
                return
            group = places[start : start + _LINES_AT_A_TIME]
            lines = [line for quad, row in group if (line := self._line(quad, row))]
            if lines:
                yield lines

    def _rows(self) -> list[list[np.ndarray]]:
        """Return the quads in rows, turned as their print runs; notes in the margin come last."""
        angle = page_angle(self._quads)
        quads = [along(quad, angle) for quad in self._quads]
        is_level = math.cos(angle) > math.sqrt(0.5)
        if self._is_upside_down([quad for quad in quads if not is_tall(quad)], is_level):
            quads = [turned(quad, 2) for quad in quads]
        self._quads = quads
        level = [quad for quad in quads if not is_tall(quad)]
        beside = [turned(quad, _UPWARDS) for quad in quads if is_tall(quad)]
        return [[part[i] for i in row] for part in (level, beside) for row in reading_rows(part)]

    def _is_upside_down(self, quads: Sequence[np.ndarray], is_level: bool) -> bool:
        """Ask the longest lines which way up they are read surer; digits are taken as they stand.

        Where nothing but digits speaks for this way up, lines that read both ways are not sure.
        """
        votes, has_letters = 0.0, False
        for quad in sorted(quads, key=lambda q: -size_of(q)[0] / size_of(q)[1])[:_ASKED]:
            if abs(votes) >= _VOTES or self._cancel.is_set():
                break
            upright = self._ask(quad)
            has_letters |= any(map(str.isalpha, upright.text))
            votes += self._vote(upright)
        if has_letters or not quads:
            return votes < 0
        self._is_way_open = votes < (-_SLIGHTLY if is_level else _CLEARLY)
        return votes < -_CLEARLY

    def _vote(self, upright: Reading) -> float:
        """Return 1 for a line that is upright, -1 for one upside down, less when it is unsure."""
        if _has_letters(upright) and upright.score >= SURE_WAY:
            return 1.0
        other = self._ask(turned(upright.quad, 2))
        if _has_letters(other) and other.score >= SURE_WAY and upright.score < _SURE_DIGITS:
            return -1.0
        return upright.score - other.score

    def _ask(self, quad: np.ndarray) -> Reading:
        """Read a line; what is sure is kept, so that it need not be read again."""
        reading = read_strip(self._bgr, quad)
        if reading.score >= SURE_WAY:
            self._read[quad.tobytes()] = reading
        return reading

    def _line(self, quad: np.ndarray, row: int) -> TextLine | None:
        known = self._read.get(quad.tobytes())
        reading = checked(self._bgr, known) if known else read_line(self._bgr, quad)
        if not reading.is_shown:
            if _is_long(quad):
                self._leave_out(quad)
            return None
        if may_be_drawn(reading.text) and not self._has_print_like(quad):
            self._leave_out(quad)
            return None
        corners = tuple((float(x), float(y)) for x, y in reading.quad)
        is_sure = reading.is_sure and not (self._is_way_open and reads_both_ways(reading.text))
        stops, sign = reading.stops, reading.has_sign_beside
        text = with_dashes(reading.text, (other.text for other in self._read.values()))
        return TextLine(text, reading.score, corners, row, stops, is_sure, sign)

    def _leave_out(self, quad: np.ndarray) -> None:
        x, y = quad.mean(axis=0)
        self.unread.append((float(x), float(y)))

    def _has_print_like(self, quad: np.ndarray) -> bool:
        """Return True when other print is about as high as this single sign."""
        side = max(size_of(quad))
        return any(
            side / _AS_HIGH <= min(size_of(other)) <= side * _AS_HIGH and self._is_print(other)
            for other in self._quads
            if not np.allclose(other.mean(axis=0), quad.mean(axis=0))
        )

    def _is_print(self, quad: np.ndarray) -> bool:
        """Return True for a line that no drawn thing is read as."""
        key = quad.tobytes()
        if key not in self._is_words:
            reading = self._read.get(key) or read_strip(self._bgr, quad)
            self._is_words[key] = reading.is_shown and not may_be_drawn(reading.text)
        return self._is_words[key]


def _is_long(quad: np.ndarray) -> bool:
    """Return True for the shape of a word: a single sign is more often a picture than print."""
    width, height = size_of(quad)
    return max(width, height) > TALL * min(width, height)


def _has_letters(reading: Reading) -> bool:
    return sum(char.isalpha() for char in reading.text) >= _MIN_LETTERS


def read_all(rgb: np.ndarray, cancel: CancelToken | None = None) -> tuple[list[TextLine], int]:
    """Return all lines of the picture (H×W×3, uint8) in reading order, the unsure ones too.

    With them: how many places look like words and could not be read.
    """
    scan = Scan(rgb, cancel)
    for _ in scan.find():
        pass
    return [line for group in scan.lines() for line in group], len(scan.unread)


def read_lines(rgb: np.ndarray, cancel: CancelToken | None = None) -> list[TextLine]:
    """Return the sure lines of the picture (H×W×3, uint8) in reading order."""
    return [line for line in read_all(rgb, cancel)[0] if line.is_sure]


def merge_lines(lines: Sequence[TextLine], others: Sequence[TextLine]) -> list[TextLine]:
    """Join two readings of one picture, in reading order; where they overlap, the first is kept."""
    places = [cv2.boundingRect(np.array(line.quad, np.float32)) for line in lines]
    new = [
        line
        for line in others
        if not any(_contains(place, np.mean(line.quad, axis=0)) for place in places)
    ]
    both = [*lines, *new]
    rows = reading_rows([np.asarray(line.quad, np.float32) for line in both])
    return [replace(both[i], row=number) for number, row in enumerate(rows) for i in row]


def _contains(rectangle: Sequence[int], point: np.ndarray) -> bool:
    x, y, width, height = rectangle
    return bool(x <= point[0] <= x + width and y <= point[1] <= y + height)
