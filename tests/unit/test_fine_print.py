"""The small print of an answer: who answered and how sure it is, at once; the rest folded; all of it plain words."""

import pytest

from ui.state.rendering import fine_print
from vlm_backends import Answer

FOUND = "This is a list of findings, not Llama 3.2 Vision's words."


LATIN, TALK = "It reads Latin script.", "To talk, give a key."
CUT = "The answer was broken off after 100,000 characters."


@pytest.mark.parametrize("note, method, at_once, folded", [
    ("", (), "Answered by X.", ""), (FOUND, (), FOUND, ""), (f"{FOUND} {LATIN}", (LATIN,), FOUND, LATIN),
    (f"Read by X. {LATIN} Confidence 91–100%.", (LATIN,), "Read by X. Confidence 91–100%.", LATIN),
    (f"Read by X. {TALK} 3 of 9 pieces are unsure.", (TALK,), "Read by X. 3 of 9 pieces are unsure.", TALK),
    (f"Answered by X. {CUT}", (), f"Answered by X. {CUT}", ""), (f"By X. {LATIN} {CUT}", (LATIN,), f"By X. {CUT}", LATIN),
    ("By X. The int8 weights answer, not the model's own.", (), "By X. The int8 weights answer, not the model's own.", ""),
    (f"By X. {TALK} Page 2 of 3. Changed by hand: 2.", (TALK,), "By X. Page 2 of 3. Changed by hand: 2.", TALK),
    (LATIN, (LATIN,), LATIN, ""), ("Values to ±0.4 of 3.5 units.", (), "Values to ±0.4 of 3.5 units.", ""),
    ("It costs $5. It has <b>.", ("It has <b>.",), "It costs $5.", "It has <b>."),
])  # fmt: skip
def test_only_what_is_true_of_any_answer_is_folded(note, method, at_once, folded):
    shown = fine_print("X", Answer("x", note=note, method=method), False)
    summary, _, rest = shown.partition("</summary>")
    plain = summary.replace("&#36;", "$").replace("&#x27;", "'").replace("\\", "")
    assert (
        plain.removeprefix("<details><summary>").removesuffix("</small>").removeprefix("<small>")
        == at_once
    )
    assert bool(folded) == ("<details>" in shown)
    assert rest.replace("\\", "").replace("</details>", "").strip() == folded


@pytest.mark.parametrize(
    "words", ["<img src=x onerror=alert(1)>", "$x$", "</summary><b>", "`code`", "&lt;"]
)
def test_a_folded_note_stays_plain_words(words):
    answer = Answer(
        "x", note=f"By {words}. Then {words} follows.", method=(f"Then {words} follows.",)
    )
    shown = fine_print("X", answer, False)
    assert "<img" not in shown.replace(r"\<", "") and "<b>" not in shown.replace(r"\<", "")
    assert "$" not in shown.replace(r"\$", "") and shown.count("</summary>") == 1


def test_a_stop_is_said_first():
    answer = Answer("x", note="By X. And more.", method=("And more.",))
    assert "<summary>Stopped. By X.</summary>" in fine_print("X", answer, True)
    assert fine_print("X", Answer("x"), True) == r"<small>Stopped\. Answered by X\.</small>"
