"""Pies come back as the shares that they were drawn from, as printed where that fits the angles."""

import pytest

from tests.support.line_pictures import COLOURS, FINE, pie_chart
from vlm_backends.engines.builtin.charts import axes
from vlm_backends.engines.builtin.charts.errors import CannotRead
from vlm_backends.engines.builtin.charts.pies import read_pie_chart
from vlm_backends.engines.builtin.charts.readings import read_any_chart

RIDES = {"Bus": 42, "Tram": 30, "Bike": 18, "Walk": 10}
NEAR = {"Tea": 26, "Milk": 25, "Juice": 49}


def percent(values, decimals=0):
    total = sum(values.values())
    return {name: f"{100 * value / total:.{decimals}f}%" for name, value in values.items()}


def read(sheet):
    return read_pie_chart(*sheet.done())


@pytest.mark.parametrize("values", [RIDES, NEAR])
@pytest.mark.parametrize("looks", [{}, {"hole": 0.5}, {"edge": 2}, {"turn": 77.0}])
def test_printed_percentages_are_confirmed_by_the_angles(values, looks):
    table = read(pie_chart(values, percent(values), **looks))
    assert table.rows[0] == ("", "Share") and dict(table.rows[1:]) == percent(values)
    assert "printed" in table.how and len(table.outlines) == len(values)


def test_printed_values_are_confirmed_by_the_angles():
    table = read(pie_chart(RIDES, {name: f"{7 * value}" for name, value in RIDES.items()}))
    assert dict(table.rows) == {"": "Value"} | {n: f"{7 * v}" for n, v in RIDES.items()}


@pytest.mark.parametrize("looks", [{}, {"hole": 0.4}, {"turn": 33.0}])
def test_shares_without_print_are_measured_and_said_to_be(looks):
    table = read(pie_chart(RIDES, {}, **looks))
    assert "measured" in table.how and "printed" not in table.how
    for name, share in table.rows[1:]:
        assert axes.number(share) == pytest.approx(RIDES[name], abs=0.6)


def test_a_percentage_that_was_not_read_is_measured_and_said_to_be():
    printed = percent(RIDES)
    del printed["Tram"]
    table = read(pie_chart(RIDES, printed))
    assert dict(table.rows[1:])["Bus"] == "42%" and "measured" in table.how
    assert axes.number(dict(table.rows[1:])["Tram"]) == pytest.approx(30, abs=0.6)


@pytest.mark.parametrize("sheet", [
    pie_chart(RIDES, percent(RIDES) | {"Bus": "47%"}),
    pie_chart(RIDES, percent(RIDES) | {"Bus": "30%", "Tram": "42%"}),
    pie_chart(RIDES, {"Bus": "42", "Tram": "60", "Bike": "18", "Walk": "10"}),
    pie_chart(RIDES, percent(RIDES), explode=True),
    pie_chart(RIDES, percent(RIDES), names=False),
    pie_chart({"All": 1}, {"All": "100%"}),
])  # fmt: skip
def test_a_pie_in_doubt_is_refused(sheet):
    with pytest.raises(CannotRead):
        read(sheet)


@pytest.mark.parametrize("shapes", ["■●▲◆", "□○△◇", "▪•▼★"])
def test_a_shape_is_no_name(shapes):
    """The swatch of a legend is sometimes read as print."""
    sheet = pie_chart(dict(zip(shapes, RIDES.values())), percent(dict(zip(shapes, RIDES.values()))))
    with pytest.raises(CannotRead):
        read_any_chart(*sheet.done())


@pytest.mark.parametrize("hole, radius", [(0.6, 0.5), (0.5, 0.45), (0.7, 0.5)])
@pytest.mark.parametrize("printed", [percent(RIDES), {}])
def test_a_pie_within_a_ring_is_refused(hole, radius, printed):
    """Its slices would be lost."""
    sheet = pie_chart(RIDES, printed, hole=hole)
    box = [side * FINE for side in (330 - 150 * radius, 240 - 150 * radius, 330 + 150 * radius, 240 + 150 * radius)]  # fmt: skip
    sheet.pen.pieslice(box, 0, 130, COLOURS[2])
    sheet.pen.pieslice(box, 130, 360, COLOURS[0])
    with pytest.raises(CannotRead, match="several rings"):
        read(sheet)


@pytest.mark.parametrize("text", ["100", "All rides", "Total: 1,200"])
def test_print_in_the_hole_is_no_ring(text):
    sheet = pie_chart(RIDES, percent(RIDES), hole=0.5)
    sheet.text(330, 240, text, "mm")
    assert dict(read(sheet).rows[1:]) == percent(RIDES)
