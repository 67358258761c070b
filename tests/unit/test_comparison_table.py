"""The table under a comparison: times, lengths, and how much of an answer another one has too."""

import re

import pytest

from ui.state.agreements import Compared, shares, table
from ui.state.comparison import meetings
from vlm_backends import Region, Timing
from vlm_backends.media.geometry import corners

A, B, C = corners((0, 0, 0.3, 0.3)), corners((0.4, 0.4, 0.7, 0.7)), corners((0.8, 0.8, 1, 1))
NEAR_A = corners((0, 0, 0.3, 0.28))


def placed(*outlines, text=""):
    return Compared("t", text, tuple(Region(f"r{i}", each) for i, each in enumerate(outlines)))


def worded(text):
    return Compared("t", text)


@pytest.mark.parametrize("answers, expected", [
    # what agrees
    ([placed(A, B), placed(NEAR_A)], ["50% of 2 places", "100% of 1 place"]),
    ([placed(A, B), placed(A), placed(B)], ["100% of 2 places", "100% of 1 place", "100% of 1 place"]),
    ([worded("Lake Loop 2.4"), worded("lake, loop!")], ["50% of 4 words", "100% of 2 words"]),
    ([worded("a b"), worded("a"), worded("b")], ["100% of 2 words", "100% of 1 word", "100% of 1 word"]),
    # what does not, and what cannot
    ([], []),
    ([placed(A)], ["None"]),
    ([worded("a b c")], ["None"]),
    ([placed(A), placed(B, C)], ["0% of 1 place", "0% of 2 places"]),
    ([worded("north"), worded("south")], ["0% of 1 word", "0% of 1 word"]),
    ([worded("a a a a"), worded("a")], ["25% of 4 words", "100% of 1 word"]),
    ([worded("a"), worded("")], ["None", "None"]),
    ([worded(" \n"), worded("… — !")], ["None", "None"]),
    ([placed(A), worded("a b")], ["None", "None"]),
    ([placed(A, text="a b"), worded("a")], ["50% of 2 words", "100% of 1 word"]),
    ([placed(A, text="same"), placed(C, text="same")], ["0% of 1 place", "0% of 1 place"]),
    ([placed(A, A), placed(A)], ["50% of 2 places", "100% of 1 place"]),
    ([placed(A, A), placed(A), placed(A)], ["50% of 2 places", "100% of 1 place", "100% of 1 place"]),
])  # fmt: skip
def test_how_much_another_answer_has_too(answers, expected):
    # labels differ by number only, so a share of places is one of outlines
    bare = [
        Compared(each.title, each.text, tuple(r._replace(label="") for r in each.places))
        for each in answers
    ]
    assert [str(share) for share in shares(bare, meetings(bare))] == expected


def test_of_hundreds_of_places_those_that_were_compared_count():
    crowd = Compared("t", "", tuple([Region("", A)] * 250))
    assert [str(share) for share in shares([crowd, crowd], meetings([crowd, crowd]))] == [
        "100% of 100 places"
    ] * 2


def cells(html):
    return [
        re.sub(r"(?:<[^>]+>)+", "|", row).strip("|").split("|")
        for row in re.findall(r"<tr>(.*?)</tr>", html)
    ]


@pytest.mark.parametrize("answer, row", [
    (Compared("A", "one two three", (), Timing(0.25, 12.0)), ["A", "0.2", "12.0", "3", "0", "—"]),
    (Compared("A", "word " * 1500, (), Timing(1, 2)), ["A", "1.0", "2.0", "1,500", "0", "—"]),
    (Compared("A"), ["A", "—", "—", "0", "0", "—"]),
    (Compared("A", timing=Timing(None, 9.0)), ["A", "—", "—", "0", "0", "—"]),
    (Compared("A", "half", (), Timing(1, 1), ending="stopped"), ["A ", "stopped", "1.0", "1.0", "1", "0", "—"]),
    (Compared("A", ending="failed"), ["A ", "failed", "—", "—", "0", "0", "—"]),
])  # fmt: skip
def test_a_row_says_times_and_lengths(answer, row):
    head, shown = cells(table([answer], []))
    assert head == ["Who", "First (s)", "Total (s)", "Words", "Regions", "Also found by another"]
    assert shown == row


@pytest.mark.parametrize("answers, said, not_said", [
    ([worded("a")], "one answer only", "proves little"),
    ([worded("a"), Compared("B", ending="failed")], "one answer only", "proves little"),
    ([Compared("A", "a", partial=True), Compared("B", "a", partial=True)], "proves little", "only"),
    ([Compared("A", "a", partial=True), worded("a")], "</table></div>", "<p>"),
    ([Compared("A", "a", partial=True), Compared("B", partial=True), worded("a")], "</div>", "<p>"),
    ([Compared("A"), Compared("B")], "</table></div>", "<p>"),
    ([], "</table></div>", "<p>"),
])  # fmt: skip
def test_agreement_that_proves_little_is_said(answers, said, not_said):
    shown = table(answers, meetings(answers))
    assert said in shown and not_said not in shown


def test_names_of_a_server_are_no_html():
    shown = table([Compared("<img src=x>", "<b>bold</b>")], [])
    assert "<img" not in shown and "<b>" not in shown and "&lt;img" in shown
