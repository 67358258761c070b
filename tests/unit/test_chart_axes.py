"""The value axis of a chart: found in bounded time, also among the numbers of a large table."""

import random

import pytest

from vlm_backends.engines.builtin.charts import axes, plot_area
from vlm_backends.engines.builtin.charts.axes import AxisLabel
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.labels import TextBox


@pytest.mark.parametrize("count, found", [(2, False), (3, True), (12, True), (40, True), (41, False), (3_000, False)])  # fmt: skip
def test_an_axis_has_from_three_to_forty_labels(count, found):
    labels = [AxisLabel(600 - 20 * i, f"{10 * i}") for i in range(count)]
    axis = axes.fit_labels(labels)
    assert (axis is not None) == found
    assert axis is None or axis.value(600 - 30) == pytest.approx(15)


def numbers(rows, columns):
    """A table of numbers without order."""
    some = random.Random(7)
    return [
        TextBox(str(some.randint(1, 999)), 100 + 90 * c, 20 + 30 * r, 140 + 90 * c, 40 + 30 * r)
        for r in range(rows)
        for c in range(columns)
    ]


@pytest.mark.parametrize("rows, columns", [(5, 3), (20, 5), (60, 5), (3_000, 20)])
def test_a_table_of_numbers_is_no_axis(rows, columns):
    labels = numbers(rows, columns)
    with pytest.raises(CannotRead):
        plot_area.find_value_axis(labels)
    groups = plot_area._columns(labels)
    assert len({tuple(group) for group in groups}) == len(groups) <= 3 * 300
