"""Thoughts and special tokens: kept apart from the answer where a model uses them, and left in it where it prints them."""

import pytest

from vlm_backends.readers import plain

USED = [  # the reply, its words, its thought
    ("<think>hm</think>Yes", "Yes", "hm"), ("<think>\nhm\n</think>\n\nYes", "Yes", "hm"), ("<thinking>hm</thinking> Yes", "Yes", "hm"), ("<think>hm", "", "hm"),
    ("hm</think>Yes", "Yes", "hm"), ("The user asks.\n</think>\n\nIt says STOP.", "It says STOP.", "The user asks."), ("hm. </think> Yes", "Yes", "hm."),
    ("</think>\n\nYes", "Yes", ""), ("<think>\n\n</think>\n\nYes", "Yes", ""), ("<think></think>Yes", "Yes", ""), ("[THINK]hm[/THINK]Yes", "Yes", "hm"),
    ("◁think▷hm◁/think▷Yes", "Yes", "hm"), ("<seed:think>hm</seed:think>Yes", "Yes", "hm"), ("<|channel>thought\nhm\n<channel|>Yes<turn|>", "Yes", "hm"),
    ("<|begin_of_thought|>hm<|end_of_thought|>Yes", "Yes", "hm"), ("<|START_THINKING|>hm<|END_THINKING|>Yes", "Yes", "hm"), ("<reasoning>hm</reasoning>\nYes", "Yes", "hm"),
    ("<think>a<think>b</think>c</think>Yes", "Yes", "a\nb\nc"), ("<think>\n<think>\nhm</think>Yes", "Yes", "hm"), ("<think>a</think>One.\n<think>b</think>Two.", "One.\nTwo.", "a\nb"),
    ("I might name the <think> tag. It is not needed here at all, so no.</think>Yes", "Yes", "I might name the <think> tag. It is not needed here at all, so no."),
    ("<think>hm</think><answer>Yes</answer>", "Yes", "hm"), ("<think>hm</think>\n<answer>\nYes", "Yes", "hm"), ("<answer>Yes</answer>", "<answer>Yes</answer>", ""),
    ("<think>I use <think> tags</think>Yes", "Yes", "I use <think> tags"), ("<think>I write `</think>` at the end</think>Yes", "Yes", "I write `</think>` at the end"),
    ('<think>The tag "</think>" ends it.</think>Yes', "Yes", 'The tag "</think>" ends it.'), ('The sign says "STOP"</think>"STOP"', '"STOP"', 'The sign says "STOP"'),
    ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>", "Yes", "hm"), ("<|channel|>analysis<|message|>hm", "", "hm"),
    ("<|start|>assistant<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|><|start|>assistant<|channel|>final<|message|>Yes", "Yes", "a\nb"),
    ("<|channel|>final <|constrain|>json<|message|>{}", "{}", ""), ("<|channel|>analysis<|message|>hm<|end|>Yes", "Yes", "hm"), ("<|channel|>anal", "", ""),
    ("A red sign.<end_of_turn>", "A red sign.", ""), ("A red sign.<end_of_turn>\n<start_of_turn>model\n", "A red sign.", ""), ("A red sign.<|im_end|>", "A red sign.", ""),
    ("A red sign.<|im_end|>\n<|im_start|>assistant\n", "A red sign.", ""), ("A red sign.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", "A red sign.", ""),
    ("A red sign. </s>", "A red sign.", ""), ("A red sign.[/INST]", "A red sign.", ""), ("<s>A red sign.</s><pad><pad>", "A red sign.", ""), ("A red sign.<eos>\n", "A red sign.", ""),
    ("<|im_start|>assistant\nA red sign.", "A red sign.", ""), ("<bos><start_of_turn>model\nA red sign.", "A red sign.", ""), ("A red sign.<｜end▁of▁sentence｜>", "A red sign.", ""),
    ("It says <|begin_of_box|>STOP<|end_of_box|>.", "It says STOP.", ""), ("A red sign.<end_of_utterance>", "A red sign.", ""),
]  # fmt: skip
PRINTED = [  # replies that are their own words, in full
    "The tag </think> ends a thought.", "Write `</think>` at the end.", 'The tag "</think>" ends it.', "It is “</think>”, a closing tag.", "Close it with (</think>).",
    "Models wrap thoughts in <think>...</think> tags.", "The tags <think></think> are empty.", "Between <think> and </think> stands what it thought.", "Use <think>, then think.",
    "```html\n<think>\nx\n</think>\n```\nThat is a thought.", "~~~\n</think>\n~~~\nThat is a tag.", "Der Tag </think> beendet einen Gedanken.", "标签 </think> 表示结束。",
    "ChatML ends a turn with <|im_end|> and begins one.", "It is `<|im_end|>`, a token.", "The token <|channel|> names a channel.", "<|channel|> is a token of harmony.",
    "x < 5", "x<5 and y>3", "<div>", "I <3 you", "a<b>c</b>", "See [1] and [2]", "if a[i] < b[j]: pass", "a -> b", "<EXIT> this way", "Use <s>old</s> for what is struck.",
    "The prompt stands between [INST] and [/INST] in Mistral's format.", "if (a<|b|) c", "a </ b", "5 > 3", "[x]", "<!-- no -->", "<thinker>", "</thinker> and more",
]  # fmt: skip


@pytest.mark.parametrize("reply, words, thought", USED, ids=range(len(USED)))
def test_marks_that_are_used(reply, words, thought):
    answer = plain.read(reply)
    assert (answer.text, answer.thought) == (words, thought)


@pytest.mark.parametrize("reply", PRINTED)
def test_marks_that_are_printed_stay(reply):
    answer = plain.read(reply)
    assert (answer.text, answer.thought) == (reply, "")


MARKS = (
    "<|",
    "|>",
    "</s",
    "<s>",
    "<end",
    "<start",
    "think>",
    "think▷",
    "THINK]",
    "[/I",
    "<pad",
    "<eo",
    "<bo",
    "<｜",
    "channel>",
)


@pytest.mark.parametrize(
    "reply",
    [
        reply
        for reply, *_ in USED
        if "`" not in reply
        and '"</' not in reply
        and "I use" not in reply
        and "I might" not in reply
    ],
    ids=lambda reply: reply[:24],
)
def test_prefix_law_of_thoughts(reply):
    """No prefix shows a mark, neither in the words nor in the thought, and a thought only grows."""
    before = ""
    for end in range(len(reply) + 1):
        answer = plain.read(reply[:end])
        assert not any(mark in answer.text + answer.thought for mark in MARKS), reply[:end]
        assert answer.thought.startswith(before.rstrip()) or not before
        before = answer.thought


@pytest.mark.parametrize("reply", PRINTED)
def test_printed_marks_do_not_come_and_go(reply):
    """The words of each prefix are a beginning of the words: what was sent to others cannot be taken back."""
    for end in range(len(reply) + 1):
        answer = plain.read(reply[:end])
        assert reply.startswith(answer.text) and answer.thought == "", reply[:end]


@pytest.mark.parametrize("piece, count", [
    ("<s>", 30_000), ("a </think> b", 8_000), ("</think>", 12_000), ("<think>", 12_000), ("<think>a</think>", 6_000), ("`", 90_000), (" ", 90_000), ("```\n", 20_000),
    ("x<|a|>y", 12_000), ("x <|a|> y ", 9_000), ("<|im_start|>", 7_000), ("<|channel|>a<|message|>", 4_000), ("<", 90_000), ("[", 90_000), ("<｜", 40_000), ("\n", 90_000),
])  # fmt: skip
def test_floods_of_marks_are_read(piece, count):
    for tail in ("", "x]", "</think>", "<|im_end|>"):
        assert len(plain.read(piece * count + tail).text) <= len(piece) * count + len(tail)
