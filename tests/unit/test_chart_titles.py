"""The title of a chart: whole, on one line or several, and nothing else."""

from dataclasses import dataclass

import pytest

from vlm_backends.engines.builtin.charts.titles import find_title


@dataclass(frozen=True)
class Word:
    text: str
    left: float
    right: float
    top: float
    letter: float

    @property
    def y(self):
        return self.top + self.letter / 2


def words(*given):
    return [Word(text, left, right, top, letter) for text, left, right, top, letter in given]


@pytest.mark.parametrize(
    "labels, title",
    [
        (words(("Sales", 10, 80, 10, 30), ("by year", 85, 160, 12, 33)), "Sales by year"),
        (words(("by year", 85, 160, 12, 33), ("Sales", 10, 80, 10, 30)), "Sales by year"),
        (words(("Sales", 10, 80, 10, 30), ("in Europe", 10, 130, 45, 30)), "Sales in Europe"),
        (words(("Sales", 10, 80, 10, 30), ("in 1,000 euros", 10, 130, 45, 18)), "Sales"),
        (words(("Sales", 10, 80, 10, 30), ("2024", 85, 140, 10, 30)), "Sales 2024"),
        (words(("Sales", 10, 80, 10, 30), ("Costs", 300, 380, 10, 30)), "Sales"),
        (words(("Sales", 10, 80, 10, 30), ("A", 10, 30, 150, 30)), "Sales"),
        (words(("North", 10, 80, 210, 30)), ""),  # stands below
        (words(("2024", 10, 80, 10, 30), ("kg", 10, 30, 50, 30)), ""),  # a number; too short
        ([], ""),
    ],
)
def test_a_title_is_all_of_the_largest_print_above_the_drawing(labels, title):
    found, boxes = find_title(labels, 200)
    assert found == title and " ".join(box.text for box in boxes) == title
