"""Decide what several readings of the codes in a picture agree on."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vlm_backends.types import Point

_MAX_SLANT = 12.0  # degrees between a line and the right angle to the bars that it reads
_MIN_HEIGHT = 0.04  # of a line's length: a code's part that one line sees by chance is thinner
_RIM = 0.04  # of a line's length: bars reach at least that far above and below it
_MIN_RIM = 2.0  # px
_MIN_COHERENCE = 0.5  # of a band around the line: 1 for bars, 0 for squares, print and noise
_WHOLE = 0.8  # of the longest line that was read: a shorter one did not cross all bars
_BESIDE = 0.5  # of a code's width: what is seen within may be a part of the code
_SAME_CODE = 0.3  # of a code's width: codes of one content are further apart on a sheet of labels
_ONE_CODE = 1.0  # of a code's width: two codes are further apart
_MIN_READINGS = 2  # of bars, whose check lets a tenth of the misread codes pass
_MAJORITY = 3  # times as many readings as any that differs
_MIN_LENGTH = 6  # characters of a code without a check digit: stripes make shorter ones

Check = Literal["correction", "strong", "digit", "none", "damaged"]


@dataclass(frozen=True)
class FoundCode:
    """A code in a picture: its kind, its content as text, its four corners in pixels.

    `content` is empty for a code that is seen but not read surely.
    """

    kind: str
    content: str
    corners: tuple[Point, ...]

    @property
    def label(self) -> str:
        """Return kind and content in one line, or what is missing."""
        return f"{self.kind}: {self.content or 'not readable with certainty, left out'}"

    def covers(self, point: Point) -> bool:
        """Return True for a point within the code's corners."""
        return cv2.pointPolygonTest(np.array(self.corners, np.float32), point, False) >= 0


@dataclass(frozen=True)
class CodeReading:
    """One reading of a code; `check` says how a misread one is told, or that none could be read.

    The corners (4×2, pixels) are those of the picture as it was given. A reading that is not
    `square` went over its bars at a slant, and may have missed some.
    """

    kind: str
    content: str
    check: Check
    corners: np.ndarray
    square: bool

    @property
    def width(self) -> float:
        """Return the length in pixels of the line along which the bars were read."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))


def agreed_codes(passes: Iterable[Iterable[CodeReading]]) -> list[FoundCode]:
    """Return the codes on which several passes over a picture agree, from the top."""
    all_readings = [list(readings) for readings in passes]
    places = _places([r for r in readings if r.check != "damaged"] for readings in all_readings)
    codes = [code for place in places if (code := _judged(place))]
    read: list[FoundCode] = []
    for code in sorted(codes, key=lambda code: -len(code.content)):
        if code.content and not any(_is_again(code, other) for other in read):
            read.append(code)
    unsure = [code for code in codes if not (code.content or _is_beside(code, read))]
    damaged = _damaged(all_readings, read)
    return sorted([*read, *unsure, *damaged], key=lambda code: min((y, x) for x, y in code.corners))


def _damaged(
    passes: Sequence[Sequence[CodeReading]], codes: Sequence[FoundCode]
) -> list[FoundCode]:
    """Return the codes that several passes saw and none could read, but for those among `codes`.

    A part of a code looks like a smaller one: the largest of those that are near counts.
    """
    seen = [(r, number) for number, one in enumerate(passes) for r in one if r.check == "damaged"]
    places: list[tuple[CodeReading, set[int]]] = []
    for reading, number in sorted(seen, key=lambda item: -cv2.contourArea(item[0].corners)):
        near = (at for first, at in places if _is_near(reading.corners, first.corners, _ONE_CODE))
        if at := next(near, None):
            at.add(number)
        else:
            places.append((reading, {number}))
    return [
        FoundCode(reading.kind, "", _points(reading))
        for reading, at in places
        if len(at) >= _MIN_READINGS and not any(_shares_place(reading, code) for code in codes)
    ]


def _shares_place(reading: CodeReading, code: FoundCode) -> bool:
    corners = np.array(code.corners, np.float32)
    middle = tuple(map(float, corners.mean(axis=0)))
    is_within = cv2.pointPolygonTest(reading.corners, middle, False) >= 0
    return is_within or _is_near(reading.corners, corners, _ONE_CODE)


def is_square(corners: np.ndarray, grey: np.ndarray) -> bool:
    """Return True when lines between the corners' sides (4×2) cross bars at right angles.

    Bars are tall: several lines in a row read the same, and around them, too, nearly all that
    changes changes along them.
    """
    if cv2.contourArea(corners) < _MIN_HEIGHT * float(((corners[1] - corners[0]) ** 2).sum()):
        return False
    ends = np.array([corners[0] + corners[3], corners[1] + corners[2]]) / 2
    line = ends[1] - ends[0]
    rim = max(_MIN_RIM, _RIM * math.hypot(*line))
    x, y = (max(0, math.floor(low - rim)) for low in ends.min(axis=0))
    right, bottom = (math.ceil(high + rim) for high in ends.max(axis=0))
    patch = grey[y:bottom, x:right].astype(np.float32)
    if not patch.size:
        return False
    band = np.zeros(patch.shape, np.float32)
    first, last = ((int(px), int(py)) for px, py in (ends - (x, y)).round())
    cv2.line(band, first, last, 1.0, 2 * round(rim) + 1)
    across, down = cv2.Sobel(patch, -1, 1, 0) * band, cv2.Sobel(patch, -1, 0, 1) * band
    xx, yy, xy = (float((a * b).sum()) for a, b in ((across,) * 2, (down,) * 2, (across, down)))
    slope = math.atan2(2 * xy, xx - yy) / 2  # of the steepest change: square to the bars
    off = (math.atan2(line[1], line[0]) - slope + math.pi / 2) % math.pi - math.pi / 2
    one_way = math.hypot(xx - yy, 2 * xy) >= _MIN_COHERENCE * (xx + yy)
    return one_way and abs(math.degrees(off)) <= _MAX_SLANT


def _places(passes: Iterable[Iterable[CodeReading]]) -> list[list[CodeReading]]:
    """Group the readings of one code, from several passes over the picture."""
    places: list[list[CodeReading]] = []
    for readings in passes:
        before = [list(place) for place in places]
        for reading in readings:
            same = next((i for i, place in enumerate(places) if _overlaps(reading, place)), None)
            if same is None:  # bars may be read along their upper and their lower half
                same = next((i for i, old in enumerate(before) if _repeats(reading, old)), None)
            if same is None:
                places.append([reading])
            else:
                places[same].append(reading)
    return places


def _overlaps(reading: CodeReading, place: Iterable[CodeReading]) -> bool:
    """Return True when the middle of one is inside the other's outline."""
    return any(
        cv2.pointPolygonTest(cv2.convexHull(a), tuple(map(float, b.mean(axis=0))), False) >= 0
        for other in place
        for a, b in ((reading.corners, other.corners), (other.corners, reading.corners))
    )


def _repeats(reading: CodeReading, place: Iterable[CodeReading]) -> bool:
    """Return True when the place has the same content, nearer than half of the code's width."""
    return any(
        reading.content == other.content and _is_near(reading.corners, other.corners)
        for other in place
    )


def _is_near(corners: np.ndarray, others: np.ndarray, share: float = _BESIDE) -> bool:
    """Return True when the middles are nearer than a share of the width of the second."""
    width = max(np.linalg.norm(others[1] - others[0]), np.linalg.norm(others[3] - others[0]))
    return bool(np.linalg.norm(corners.mean(axis=0) - others.mean(axis=0)) < share * width)


def _judged(place: Sequence[CodeReading]) -> FoundCode | None:
    """Return what the readings of one place agree on.

    A code without content when they do not; None when they may be mere stripes.
    """
    for check in ("correction", "strong"):
        for reading in place:
            if reading.check == check:
                return FoundCode(reading.kind, reading.content, _points(reading))
    square = [reading for reading in place if reading.square]
    whole = [reading for reading in square if not _is_part(reading, square)]
    contents = {_content(reading) for reading in whole}
    votes = Counter(_content(reading) for reading in place if _content(reading) in contents)
    if votes.total() < _MIN_READINGS:
        return None
    (best, count), *others = votes.most_common()
    first = next(reading for reading in whole if _content(reading) == best)
    agreed = count >= _MIN_READINGS and all(count >= _MAJORITY * votes for _, votes in others)
    if not agreed or (first.check == "none" and len(first.content) < _MIN_LENGTH):
        return FoundCode("Barcode", "", _points(first))
    return FoundCode(*best, _points(first))


def _content(reading: CodeReading) -> tuple[str, str]:
    return reading.kind, reading.content


def _is_part(reading: CodeReading, place: Sequence[CodeReading]) -> bool:
    """Return True for bars read along a line that left them before their end."""
    return reading.width < _WHOLE * max(other.width for other in place) or any(
        reading.check == other.check == "none"
        and len(reading.content) < len(other.content)
        and reading.content in other.content
        for other in place
    )


def _is_again(code: FoundCode, other: FoundCode) -> bool:
    """Return True for the same code or a part of it, read at another height of its bars."""
    same_kind = code.kind.partition(" (")[0] == other.kind.partition(" (")[0]
    ends = np.array(code.corners), np.array(other.corners)
    return same_kind and code.content in other.content and _is_near(*ends, _SAME_CODE)


def _is_beside(code: FoundCode, others: Iterable[FoundCode]) -> bool:
    return any(_is_near(np.array(code.corners), np.array(other.corners)) for other in others)


def _points(reading: CodeReading) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in reading.corners)
