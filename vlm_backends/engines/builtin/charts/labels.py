"""Hold the print of a chart as upright boxes."""

from __future__ import annotations

from dataclasses import dataclass

from vlm_backends.engines.builtin.ocr import TextLine


@dataclass(frozen=True)
class TextBox:
    """A line of print as an upright box in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def x(self) -> float:
        """Return the x of its middle."""
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        """Return the y of its middle."""
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Return its width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Return its height in pixels."""
        return self.bottom - self.top

    @property
    def letter(self) -> float:
        """Return the height of its letters: its shorter side, whichever way the text runs."""
        return min(self.width, self.height)


def to_text_box(line: TextLine, scale: float) -> TextBox:
    """Return the line's text in its upright box, in a picture scaled by `scale`."""
    xs, ys = [x * scale for x, _ in line.quad], [y * scale for _, y in line.quad]
    text = line.text.rstrip("-–—_· ") or line.text  # the tick of an axis is easily read as a dash
    return TextBox(text, min(xs), min(ys), max(xs), max(ys))
