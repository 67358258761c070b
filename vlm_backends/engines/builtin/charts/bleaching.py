"""Take the bars out of a chart and leave its print, for OCR."""

import cv2
import numpy as np

from vlm_backends.engines.builtin.charts.bars import Layout, Rectangle
from vlm_backends.engines.builtin.charts.colours import ColourMap

_EDGE = 3  # px around a bar's outline that are painted over: soft edges, and lines around bars
_NO_PRINT, _PRINT = 25.0, 70.0  # of 255: how far from its bar's colour a pixel of print is


def bleach(rgb: np.ndarray, colours: ColourMap, ground: int, layout: Layout) -> np.ndarray:
    """Return the picture (H×W×3, uint8) with the bars in the colour of the ground.

    What is printed on the bars becomes print on the ground. OCR easily misses print near large
    solid shapes.
    """
    plain = cv2.cvtColor(colours.lab[None].clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)[0]
    paper = plain[ground].astype(np.float32)
    ink = np.float32(0 if paper.mean() > 127 else 255)
    bleached = rgb.copy()
    for bar in bars_in_picture(layout, rgb.shape[1]):
        top, left = max(0, bar.top - _EDGE), max(0, bar.left - _EDGE)
        bleached[top : bar.bottom + _EDGE, left : bar.right + _EDGE] = paper
        inner = np.s_[bar.top + _EDGE : bar.bottom - _EDGE, bar.left + _EDGE : bar.right - _EDGE]
        pixels = rgb[inner].astype(np.float32)
        if pixels.size:
            distance = np.abs(pixels - plain[bar.colour]).max(axis=2, keepdims=True)
            share = ((distance - _NO_PRINT) / (_PRINT - _NO_PRINT)).clip(0, 1)
            bleached[inner] = (paper + (ink - paper) * share).round().astype(np.uint8)
    return bleached


def bars_in_picture(layout: Layout, width: int) -> list[Rectangle]:
    """Return all bars in the pixels of the picture, whose width is given."""
    parts = [part for stack in layout.stacks for part in stack.parts]
    return [part.rotated_right(width) for part in parts] if layout.is_rotated else parts
