"""Read the words of a legend again without the sample of a line before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vlm_backends.engines.builtin.ocr import TextLine
from vlm_backends.engines.builtin.ocr.frames import size_of
from vlm_backends.engines.builtin.ocr.recognition import checked, read_strip

_SAMPLE = 1.2  # heights of a line before its first letter: that much room has a sample
_BEFORE = 0.45, 0.6, 0.75  # heights before the middle of the first letter: where words may begin


def without_sample(rgb: np.ndarray, line: TextLine) -> TextLine:
    """Return the line as it is read without the sample at its left, if that alone made it unsure.

    The words have to come out the same. The picture is H×W×3, uint8.
    """
    quad = np.array(line.quad, np.float32)
    width, height = size_of(quad)
    if line.is_sure or not line.stops or line.stops[0] * width < _SAMPLE * height:
        return line
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    for before in _BEFORE:
        start = line.stops[0] - before * height / width
        words = quad.copy()
        words[[0, 3]] += start * (quad[[1, 2]] - quad[[0, 3]])
        reading = checked(bgr, read_strip(bgr, words))
        if reading.is_sure and reading.text == line.text:
            corners = tuple((float(x), float(y)) for x, y in words)
            return replace(line, quad=corners, stops=reading.stops, is_sure=True)
    return line
