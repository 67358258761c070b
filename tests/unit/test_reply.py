"""A Reply from its question to its end, with engines that say what the test tells them."""

import contextlib
import gc
import json
import threading
from dataclasses import dataclass, field, replace

import pytest

from vlm_backends import (
    Chunk,
    Picture,
    Prompt,
    Question,
    Region,
    Reply,
    Sent,
    Timing,
    Turn,
    Unreachable,
    ask,
    find_model,
    find_task,
)
from vlm_backends.engines.base import Traits
from vlm_backends.reply import MAX_CHARACTERS, MAX_REGIONS, answer_to_dict
from vlm_backends.types import Page

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
FLORENCE = find_model("microsoft/florence-2")
PICTURE = Picture(b"", "image/png", 10, 20)
PROMPT = Prompt((Turn("user", "What is this?", (PICTURE,)),))
BOX = ((0.1, 0.2), (0.3, 0.2), (0.3, 0.4), (0.1, 0.4))


@dataclass
class Scripted:
    """Says these pieces; an error among them is raised. Counts how often it was asked and closed."""

    pieces: tuple
    name: str = "Scripted"
    traits: Traits = Traits("builtin")
    asked: int = 0
    closed: int = 0
    observed: list = field(default_factory=list)

    def stream(self, model, prompt, cancel=None):
        self.asked += 1
        try:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed += 1

    def observe(self, engine, model, error):
        self.observed.append((engine is self, model.id, error))

    def reply(self, **options):
        return Reply(Question(LLAMA, PROMPT), self, observer=self.observe, **options)


def test_a_reply_is_an_iterator_of_answers_that_grow():
    engine = Scripted((Chunk("a "), Chunk("dog"), Chunk(" barks", note="by itself")))
    reply = ask(engine, LLAMA, PROMPT)
    assert iter(reply) is reply and engine.asked == 0
    assert [answer.text for answer in reply] == ["a", "a dog", "a dog barks"]
    assert reply.answer.note == "by itself" and engine.closed == 1
    with pytest.raises(StopIteration):
        next(reply)


def test_the_note_ends_with_what_the_pictures_are_of_their_files():
    page = replace(PICTURE, page=Page(2, 3), ground="near black", name="a.tif")
    two = Prompt(
        (Turn("user", "What is this?", (page, PICTURE, replace(PICTURE, ground="white"))),)
    )
    notes = {
        PROMPT: "by itself",
        Prompt(
            (Turn("user", "?", (page,)),)
        ): "by itself Page 2 of 3. Its transparent parts are near black here.",
        two: "by itself a.tif: Page 2 of 3. Its transparent parts are near black here."
        " Picture: Its transparent parts are white here.",
    }
    for prompt, note in notes.items():
        reply = ask(Scripted((Chunk("a dog", note="by itself"),)), LLAMA, prompt)
        assert [answer.note for answer in reply] == [note]


def test_what_has_not_been_looked_at_is_not_parsed():
    reads = []
    model = LLAMA.__class__(
        **{**vars(LLAMA), "read": lambda text: reads.append(text) or LLAMA.read(text)}
    )
    reply = Reply(Question(model, PROMPT), Scripted(tuple(Chunk(f"{i} ") for i in range(50))))
    for _ in reply.updates():
        pass
    before = len(reads)
    assert before <= 2  # the first words are timed, and the end is looked at for a silence
    assert reply.answer is reply.answer and len(reads) == before


def test_the_first_words_are_those_that_a_person_can_read():
    engine = Scripted(
        (Chunk("<think>"), Chunk("hm"), Chunk("</think>"), Chunk("Yes."), Chunk(" It is."))
    )
    reply, seconds = engine.reply(), []
    for _ in reply:
        seconds.append(reply.timing.first_s)
    assert seconds[:3] == [None] * 3 and seconds[3] is not None
    assert seconds[4] == seconds[3] <= reply.timing.total_s


def test_a_reply_without_an_engine_is_a_mistake_of_the_caller():
    with pytest.raises(RuntimeError):
        next(Reply(Question(LLAMA, PROMPT)))
    with pytest.raises(RuntimeError):
        Reply(Question(LLAMA, PROMPT)).to_dict()


def test_what_arrived_before_an_error_stays():
    engine = Scripted((Chunk("half an"), Unreachable("It broke off.")))
    reply = engine.reply()
    with pytest.raises(Unreachable):
        list(reply)
    assert reply.answer.text == "half an" and str(reply.error) == "It broke off."
    assert engine.observed == [(True, LLAMA.id, None)]  # it answered before it broke off


@pytest.mark.parametrize(
    "pieces, expected",
    [
        ((Chunk("words"),), [None]),
        ((Chunk(regions=(Region("dog", BOX),)),), [None]),
        ((), [None]),
        ((Chunk(status="waiting"),), [None]),
        ((Chunk(status="waiting"), Unreachable("gone")), ["gone"]),
        ((Unreachable("gone"),), ["gone"]),
    ],
)
def test_an_observer_hears_once_how_the_call_went(pieces, expected):
    engine = Scripted(pieces)
    reply = engine.reply()
    with contextlib.suppress(Unreachable):
        list(reply)
    assert [error and str(error) for _, _, error in engine.observed] == expected


@pytest.mark.parametrize("pieces", [(), (Unreachable("cut"),), (Chunk(status="waiting"),)])
def test_a_call_that_was_cancelled_before_its_first_word_is_not_observed(pieces):
    engine = Scripted(pieces)
    reply = engine.reply()
    reply.cancel()
    with contextlib.suppress(Unreachable):
        list(reply)
    assert reply.cancelled and engine.observed == []


def test_leaving_a_reply_closes_the_call():
    engine = Scripted((Chunk("a"), Chunk("b")))
    reply = engine.reply()
    next(reply)
    assert engine.closed == 0
    reply.close()
    assert engine.closed == 1 and reply.answer.text == "a"
    Reply(Question(LLAMA, PROMPT), engine).close()  # one that was never begun
    assert engine.closed == 1


def test_a_reply_that_is_closed_before_its_first_step_asks_nobody():
    engine = Scripted((Chunk("a"),))
    reply = engine.reply()
    reply.close()
    assert list(reply) == [] and engine.asked == 0


def test_a_loop_that_is_left_early_ends_the_call_at_once():
    engine = Scripted((Chunk("a"), Chunk("b")))
    gc.disable()  # so that nothing but the loop's end lets go of the reply
    try:
        for _ in engine.reply():
            break
        assert engine.closed == 1
    finally:
        gc.enable()


def test_closing_cancels_a_step_that_another_thread_is_in():
    @dataclass
    class Slow(Scripted):
        def stream(self, model, prompt, cancel=None):
            began.set()
            assert cancel.wait(30)
            yield from super().stream(model, prompt, cancel)

    began = threading.Event()
    reply = Slow(()).reply()
    reader = threading.Thread(target=list, args=(reply,))
    reader.start()
    assert began.wait(30)
    reply.close()
    reader.join(5)
    assert not reader.is_alive() and reply.cancelled


def test_an_engine_that_refuses_before_its_first_piece_is_heard():
    @dataclass
    class Refusing(Scripted):
        def stream(self, model, prompt, cancel=None):
            raise Unreachable("no way")

    engine = Refusing(())
    reply = engine.reply()
    with pytest.raises(Unreachable):
        next(reply)
    assert str(reply.error) == "no way"
    assert [error for *_, error in engine.observed] == [reply.error]


def test_a_reply_beyond_all_measure_is_broken_off_with_a_note():
    engine = Scripted(tuple(Chunk("x" * 60_000) for _ in range(5)))
    *_, answer = engine.reply()
    assert len(answer.text) == MAX_CHARACTERS and "broken off" in answer.note
    many = Scripted((Chunk(regions=(Region("dog", BOX),) * (MAX_REGIONS + 1)), Chunk("never")))
    reply = Reply(Question(FLORENCE, PROMPT, find_task("<OD>")), many)
    *_, answer = reply
    assert len(answer.regions) == MAX_REGIONS and "2,001 places" in answer.note and many.closed == 1


def test_words_and_labels_hold_no_control_characters():
    engine = Scripted((Chunk("a\x1b[31mred\u202e", (Region("do\x07g", BOX),), note="n\x00ote"),))
    *_, answer = engine.reply()
    assert (answer.text, answer.regions[0].label, answer.note) == ("a[31mred", "dog", "note")


def test_to_dict_is_the_documented_json():
    sent = Sent("image/png", 10, 20, 99, "inline")
    engine = Scripted((Chunk("<OD>dog<loc_1><loc_2><loc_3><loc_4>", sent=sent, tokens=7),))
    reply = Reply(Question(FLORENCE, PROMPT, find_task("<OD>")), engine)
    list(reply)
    told = json.loads(json.dumps(reply.to_dict()))
    assert list(told) == [
        "engine",
        "model",
        "task",
        "text",
        "regions",
        "rows",
        "note",
        "thought",
        "finish",
        "sent",
        "time",
    ]
    assert told["engine"] == "Scripted" and told["model"] == "microsoft/florence-2"
    assert told["task"] == "<OD>" and told["text"] == "dog" and told["rows"] == []
    assert told["regions"][0] == {
        "label": "dog",
        "outline": [[0.0015, 0.0025], [0.0035, 0.0025], [0.0035, 0.0045], [0.0015, 0.0045]],
        "solid": False,
        "span": [0, 3],
    }
    assert told["sent"] == {
        "as": "inline",
        "mime": "image/png",
        "width": 10,
        "height": 20,
        "bytes": 99,
    }
    assert set(told["time"]) == {"first_s", "total_s"}


def test_an_answer_without_times_says_so():
    told = answer_to_dict(Question(LLAMA, PROMPT), "E", Reply(Question(LLAMA, PROMPT)).answer)
    assert told["time"] == {"first_s": None, "total_s": 0.0} and told["sent"] is None
    assert Timing() == (None, 0.0)


def test_a_question_knows_its_newest_picture_and_its_reader():
    newer = Picture(b"", "image/png", 1, 1)
    turns = (Turn("user", "a", (PICTURE, newer)), Turn("assistant", "b"), Turn("user", "c"))
    assert Question(LLAMA, Prompt(turns)).picture is newer
    assert Question(LLAMA, Prompt((Turn("user", "c"),))).picture is None
    assert (
        Question(FLORENCE, PROMPT, find_task("<OCR_WITH_REGION>")).read
        is find_task("<OCR_WITH_REGION>").read
    )


# --- rows beside words ------------------------------------------------------------------------------

ONE, TWO = (("a", "b"), ("1", "2")), (("c",), ("3",))
DEPLOT = find_model("google/deplot")
TABLE = "TITLE | Rain <0x0A> Month | mm <0x0A> May | 12"


@pytest.mark.parametrize("model, pieces, rows", [
    (LLAMA, [Chunk("x")], ()), (LLAMA, [Chunk("x", rows=ONE)], ONE), (LLAMA, [Chunk("x", rows=ONE), Chunk("y")], ONE),
    (LLAMA, [Chunk("x", rows=ONE), Chunk("y", rows=())], ONE), (LLAMA, [Chunk("x", rows=ONE), Chunk("y", rows=TWO)], TWO),
    (LLAMA, [Chunk("x", literal=True, rows=TWO)], TWO), (LLAMA, [Chunk(rows=ONE)], ONE),
    (LLAMA, [Chunk("x", rows=(("a\x07\ud800", "\u202eb"), ("1\0", "2")))], ONE),
    (DEPLOT, [Chunk(TABLE)], (("Month", "mm"), ("May", "12"))), (DEPLOT, [Chunk(TABLE, rows=ONE)], ONE),
    (DEPLOT, [Chunk(TABLE, literal=True)], ()), (DEPLOT, [Chunk("No table.", literal=True, rows=TWO)], TWO),
])  # fmt: skip
def test_rows_of_the_engine_are_kept_and_replace_those_of_the_words(model, pieces, rows):
    *_, answer = ask(Scripted(tuple(pieces)), model, PROMPT)
    assert answer.rows == rows
