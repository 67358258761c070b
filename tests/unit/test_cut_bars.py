"""Bars that end where their plot ends may be cut off there, and this is told; others are not doubted."""

import pytest

from tests.support.chart_pictures import DARK, LIGHT
from tests.support.plots import FOOT, LEFT, RIGHT, Plot
from vlm_backends.engines.builtin.charts import axes, bar_charts
from vlm_backends.engines.builtin.charts.errors import CannotRead

TOWNS = ["Oslo", "Rome", "Cairo", "Lima"]
PALE = (205, 205, 205)


@pytest.fixture(autouse=True)
def no_second_reading(monkeypatch):
    """Where print is in doubt the OCR is asked again: here it finds nothing more."""
    monkeypatch.setattr(bar_charts.ocr, "read_lines", lambda *_: [])


def plot_of(values, low=0, high=100, sheet=LIGHT, frame=None, ground=None, ticks=(0, 20, 40, 60, 80, 100)) -> Plot:  # fmt: skip
    """Bars whose axis runs from `low` to `high`; they are cut off at its end."""
    plot = Plot(low, high, sheet)
    box = LEFT, plot.y(high), RIGHT, FOOT
    if ground:
        plot.pen.rectangle(box, ground)
    plot.ticks([str(tick) for tick in ticks], ticks)
    plot.names(TOWNS)
    for i, value in enumerate(values):
        plot.bar(plot.middle(i, 4), 60, max(low, 0), min(value, high))
    if frame:
        plot.pen.rectangle(box, outline=frame)
    return plot


@pytest.mark.parametrize("high", [100, 105, 112])
@pytest.mark.parametrize("looks", [
    {"frame": PALE}, {"frame": (235, 235, 235)}, {"frame": (60, 64, 70), "sheet": DARK}, {"ground": (234, 234, 242)},
])  # fmt: skip
def test_a_bar_that_is_cut_off_at_the_end_of_the_axis_is_told(high, looks):
    plot = plot_of([52, 180, 64, 80], high=high, **looks)
    found = bar_charts.read_bar_chart(plot.rgb, plot.lines)
    assert "the bar of Rome ends where the axis ends, and may be cut off there" in found.how


def test_without_a_frame_the_last_number_is_the_end():
    plot = plot_of([52, 71, 64, 300])
    assert "the bar of Lima" in bar_charts.read_bar_chart(plot.rgb, plot.lines).how


@pytest.mark.parametrize("low, ticks", [(0, (0, 20, 40, 60, 80, 100)), (40, (40, 60, 80, 100)), (50, (50, 60, 70, 80, 90))])  # fmt: skip
@pytest.mark.parametrize("looks", [{}, {"frame": PALE}, {"ground": (234, 234, 242)}])
def test_an_axis_that_does_not_start_at_zero_in_a_pale_frame_is_read(low, ticks, looks):
    values = [58, 71, 64, 83]
    plot = plot_of(values, low, 110, ticks=ticks, **looks)
    found = bar_charts.read_bar_chart(plot.rgb, plot.lines)
    assert [axes.number(row[1]) for row in found.rows[1:]] == pytest.approx(values, abs=1.7)
    assert "cut off" not in found.how


@pytest.mark.parametrize("last", ["500", "1000", "980"])
@pytest.mark.parametrize("looks", [{}, {"frame": PALE}])
def test_an_axis_whose_last_number_does_not_fit_is_refused(last, looks):
    plot = plot_of([30, 55, 45, 80], high=100, ticks=(0, 10, 20, 30, 40, 50), **looks)
    plot.ticks([last], [90])
    with pytest.raises(CannotRead, match="may be broken|power of ten"):
        bar_charts.read_bar_chart(plot.rgb, plot.lines)
