"""Words of a legend are sure without the sample of a line that stands before them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.chart_pictures import font
from vlm_backends.engines.builtin import ocr
from vlm_backends.engines.builtin.charts.legend_words import without_sample
from vlm_backends.engines.builtin.ocr import TextLine

WIDE, LETTER = 40, 15  # px


def entry(words: str, colour, marker: bool, text: str, is_sure: bool = False) -> tuple:
    """A sample and words close behind it, read as one line that says the words alone."""
    image = Image.new("RGB", (300, 60), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(20, 30), (20 + WIDE, 30)], colour, 3)
    if marker:
        pen.ellipse((36, 26, 44, 34), colour)
    start = 20 + WIDE + 5
    pen.text((start, 30), words, "black", font(LETTER), "lm")
    right = start + font(LETTER).getlength(words) + 3
    first = start + font(LETTER).getlength(words[0]) / 2
    stops = tuple((first - 17 + 8 * i) / (right - 17) for i in range(len(text)))
    quad = ((17, 19), (right, 19), (right, 41), (17, 41))
    return np.asarray(image), TextLine(text, 1.0, quad, 0, stops, is_sure)


@pytest.mark.parametrize("words", ["Actual", "North", "2024"])
@pytest.mark.parametrize("colour, marker", [((230, 80, 50), True), ((60, 90, 220), False)])
def test_words_are_read_without_their_sample(words, colour, marker):
    rgb, line = entry(words, colour, marker, words)
    found = without_sample(rgb, line)
    assert found.is_sure and found.text == words and found.quad[0][0] > 20 + WIDE - 3


@pytest.mark.parametrize("printed, read", [("Actual", "Actua"), ("North", "Worth"), ("Income", "lncome")])  # fmt: skip
def test_words_that_come_out_otherwise_stay_unsure(printed, read):
    rgb, line = entry(printed, (230, 80, 50), True, read)
    assert without_sample(rgb, line) == line and not line.is_sure


def test_sure_lines_and_those_without_room_for_a_sample_stay():
    rgb, sure = entry("Actual", (230, 80, 50), True, "Actual", is_sure=True)
    assert without_sample(rgb, sure) is sure
    (near,) = [line for line in ocr.read_all(rgb[:, 60:])[0] if line.text == "Actual"]
    unsure = TextLine(near.text, near.score, near.quad, 0, near.stops, False)
    assert without_sample(rgb[:, 60:], unsure) is unsure
