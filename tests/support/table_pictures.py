"""Draws tables with Pillow and keeps their print as the OCR would give it, so that none need run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from tests.support.chart_pictures import DARK, LIGHT, Sheet, font
from vlm_backends.engines.builtin.ocr import TextLine

LEADING = 1.3  # of the size of letters: from a line of a cell to the next
LINE = 1.3  # of the size: how high the OCR says that a line is
NARROW, WIDE = 26, 70  # px between columns, or beside a rule
STRIPE = Sheet((236, 240, 246)), Sheet((44, 50, 60))  # light and dark
Rows = Sequence[Sequence[str]]
Quad = tuple[tuple[float, float], ...]


@dataclass
class Page:
    """A picture with print, and the lines of it."""

    image: Image.Image
    lines: list[TextLine] = field(default_factory=list)
    sheet: Sheet = LIGHT

    @property
    def rgb(self) -> np.ndarray:
        return np.asarray(self.image)

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    def text(self, x: float, y: float, text: str, size=22, edge="l", is_sure=True) -> None:
        """Print a line whose left edge, middle or right edge is at x, and whose middle is at y."""
        self.pen.text((x, y), text, self.sheet.ink, font(size), f"{edge}m")
        width = font(size).getlength(text)
        left = x - {"l": 0.0, "m": width / 2, "r": width}[edge]
        self.lines.append(line_at(left, y, text, size, is_sure))

    def rule(self, x0: float, y0: float, x1: float, y1: float, width=2) -> None:
        self.pen.line((x0, y0, x1, y1), self.sheet.ink, width)

    def moved(self, matrix: np.ndarray, size: tuple[int, int]) -> Page:
        """The page as it is seen after its points were moved by a matrix (3×3)."""
        back = np.linalg.inv(matrix)
        seen = self.image.transform(
            size,
            Image.Transform.PERSPECTIVE,
            tuple((back / back[2, 2]).ravel()[:8]),
            Image.Resampling.BICUBIC,
            fillcolor=self.sheet.ground,
        )
        lines = [_with_quad(line, _seen(line.quad, matrix)) for line in self.lines]
        return Page(seen, lines, self.sheet)

    def turned(self, degrees: float) -> Page:
        """The page turned clockwise, on a larger sheet."""
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        return self._whole(turn)

    def from_the_side(self, share: float) -> Page:
        """The page as a photograph shows it whose left side is farther away by a share."""
        width, height = self.image.size
        lean = share * height / 2
        found = _between(
            [(0, 0), (width, 0), (width, height), (0, height)],
            [(0, lean), (width, 0), (width, height), (0, height - lean)],
        )
        return self._whole(found)

    def from_below(self, share: float) -> Page:
        """The page as a photograph shows it whose upper edge is farther away by a share."""
        width, height = self.image.size
        lean = share * width / 2
        found = _between(
            [(0, 0), (width, 0), (width, height), (0, height)],
            [(lean, 0), (width - lean, 0), (width, height), (0, height)],
        )
        return self._whole(found)

    def _whole(self, matrix: np.ndarray) -> Page:
        width, height = self.image.size
        ends = np.array(_seen([(0, 0), (width, 0), (width, height), (0, height)], matrix))
        low, high = ends.min(axis=0), ends.max(axis=0)
        shift = np.array([[1.0, 0.0, -low[0]], [0.0, 1.0, -low[1]], [0.0, 0.0, 1.0]])
        across, down = np.ceil(high - low).astype(int)
        return self.moved(shift @ matrix, (int(across), int(down)))


def _seen(points: Sequence[tuple[float, float]], matrix: np.ndarray) -> Quad:
    moved = np.c_[np.asarray(points, float), np.ones(len(points))] @ matrix.T
    return tuple((float(x), float(y)) for x, y in moved[:, :2] / moved[:, 2:])


def _with_quad(line: TextLine, quad: Quad) -> TextLine:
    return TextLine(line.text, line.score, quad, line.row, line.stops, line.is_sure)


def _between(before: Sequence[tuple[int, int]], after: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return the matrix that moves four points to four others."""
    known, wanted = [], []
    for (x, y), (u, v) in zip(before, after):
        known += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    return np.append(np.linalg.solve(np.array(known, float), wanted), 1.0).reshape(3, 3)


def line_at(left: float, y: float, text: str, size=22, is_sure=True) -> TextLine:
    """A line of print as the OCR gives it: its box, and where each of its letters is."""
    letters = font(size)
    width = letters.getlength(text)
    half = LINE * size / 2
    starts = [letters.getlength(text[:i]) for i in range(len(text) + 1)]
    stops = tuple((a + b) / 2 / width for a, b in zip(starts, starts[1:])) if width else ()
    right = left + width
    quad = (left, y - half), (right, y - half), (right, y + half), (left, y + half)
    return TextLine(text, 0.99 if is_sure else 0.6, quad, stops=stops, is_sure=is_sure)


def blank(width=900, height=600, sheet: Sheet = LIGHT) -> Page:
    """An empty page."""
    return Page(Image.new("RGB", (width, height), sheet.ground), [], sheet)


@dataclass(frozen=True)
class Look:
    """How a table is set: its rules, the edges of its columns, and its colours.

    `rules`: "all", "level" (between rows), "three" (as in books), "frames" (upright ones inside and
    a level one below the head), "stripes", "none".
    """

    rules: str = "all"
    edges: str = "l"  # of the columns but the first: l, m or r
    sheet: Sheet = LIGHT
    size: int = 22
    apart: int = NARROW
    pad: int = 10  # px above and below the lines of a cell
    is_top: bool = False  # the first lines of cells are level, not their middles


def table(
    rows: Rows,
    look: Look = Look(),
    spans: Mapping[tuple[int, int], tuple[int, int]] = {},
    *,
    title: str = "",
    below: Sequence[str] = (),
    unsure: Collection[tuple[int, int]] = (),
    as_one: Collection[int] = (),
    span_edge: str = "m",
) -> Page:
    """Draw a table on a page that it fills, with a title above and lines of prose below.

    A cell may have several lines. `spans` tells over how many rows and columns a cell stands, in
    its middle or, with `span_edge` "l", at its left; the others of these cells are left empty. The
    OCR gives `unsure` cells as not sure, and the rows of `as_one` as one line each.
    """
    xs, ys = _columns(rows, look, spans), _levels(rows, look, spans, 50 + 60 * bool(title))
    text_below = max((font(look.size).getlength(text) for text in below), default=0)
    width = int(max(xs[-1], xs[0] + text_below, xs[0] + 600 * bool(title))) + 60
    page = blank(width, int(ys[-1]) + 50 + 60 * len(below), look.sheet)
    _ground(page, xs, ys, look, spans)
    if title:
        page.text(xs[0], 50, title, round(1.4 * look.size))
    covered = _covered(spans)
    for i, row in enumerate(rows):
        start = len(page.lines)
        for j, text in enumerate(row):
            if (i, j) not in covered:
                down, across = spans.get((i, j), (1, 1))
                box = xs[j], ys[i], xs[j + across], ys[i + down]
                edge = span_edge if across > 1 else look.edges if j else "l"
                _cell(page, text, box, edge, look, (i, j) not in unsure)
        if i in as_one:
            page.lines[start:] = [_joined(page.lines[start:])]
    for i, text in enumerate(below):
        page.text(xs[0], ys[-1] + 60 + 1.6 * look.size * i, text, look.size)
    return page


def _cell(
    page: Page,
    text: str,
    box: tuple[float, float, float, float],
    edge: str,
    look: Look,
    is_sure: bool,
) -> None:
    left, top, right, foot = box
    x = {"l": left + look.apart / 2, "m": (left + right) / 2, "r": right - look.apart / 2}[edge]
    parts = text.split("\n")
    leading = LEADING * look.size
    first = (top + foot) / 2 - leading * (len(parts) - 1) / 2
    if look.is_top:
        first = top + look.pad + leading / 2
    for k, part in enumerate(filter(None, parts)):
        page.text(x, first + leading * k, part, look.size, edge, is_sure)


def _joined(lines: Sequence[TextLine]) -> TextLine:
    """Return lines that stand side by side as the OCR may give them: as one."""
    (left, top), (right, foot) = lines[0].quad[0], lines[-1].quad[2]
    places, before = list[float](), left
    for line in lines:
        start, end = line.quad[0][0], line.quad[1][0]
        places += [(before + start) / 2] * bool(places)
        places += [start + stop * (end - start) for stop in line.stops]
        before = end
    quad = (left, top), (right, top), (right, foot), (left, foot)
    stops = tuple((x - left) / (right - left) for x in places)
    return TextLine(" ".join(line.text for line in lines), 0.99, quad, stops=stops)


def _covered(spans: Mapping[tuple[int, int], tuple[int, int]]) -> set[tuple[int, int]]:
    return {
        (i + k, j + n)
        for (i, j), (down, across) in spans.items()
        for k in range(down)
        for n in range(across)
        if k or n
    }


def _columns(
    rows: Rows, look: Look, spans: Mapping[tuple[int, int], tuple[int, int]]
) -> list[float]:
    xs = [40.0]
    for j in range(len(rows[0])):
        cells = [row[j] for i, row in enumerate(rows) if spans.get((i, j), (1, 1))[1] == 1]
        parts = [part for cell in cells for part in cell.split("\n")]
        xs.append(xs[-1] + max(map(font(look.size).getlength, parts)) + look.apart)
    return xs


def _levels(
    rows: Rows, look: Look, spans: Mapping[tuple[int, int], tuple[int, int]], top: float
) -> list[float]:
    ys = [top]
    for i, row in enumerate(rows):
        own = [cell for j, cell in enumerate(row) if spans.get((i, j), (1, 1))[0] == 1]
        count = max(cell.count("\n") + 1 for cell in own or [""])
        ys.append(ys[-1] + count * LEADING * look.size + 2 * look.pad)
    return ys


def _ground(
    page: Page,
    xs: Sequence[float],
    ys: Sequence[float],
    look: Look,
    spans: Mapping[tuple[int, int], tuple[int, int]],
) -> None:
    """Draw the rules or the stripes of a table."""
    rows, columns = len(ys) - 1, len(xs) - 1
    if look.rules == "stripes":
        fill = STRIPE[look.sheet == DARK].ground
        for i in range(0, rows, 2):
            page.pen.rectangle((xs[0], ys[i], xs[-1], ys[i + 1] - 1), fill)
    levels = {
        "all": range(rows + 1),
        "level": range(rows + 1),
        "three": (0, 1, rows),
        "frames": (1,),
    }.get(look.rules, ())
    uprights = {"all": range(columns + 1), "frames": range(1, columns)}.get(look.rules, ())
    owner = {(i, j): (i, j) for i in range(rows) for j in range(columns)}
    for (i, j), (down, across) in spans.items():
        owner |= {(i + k, j + n): (i, j) for k in range(down) for n in range(across)}
    for i in levels:
        for j in range(columns):
            if owner.get((i - 1, j)) != owner.get((i, j)):
                page.rule(xs[j], ys[i], xs[j + 1], ys[i])
    for j in uprights:
        for i in range(rows):
            if owner.get((i, j - 1)) != owner.get((i, j)):
                page.rule(xs[j], ys[i], xs[j], ys[i + 1])
