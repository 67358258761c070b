"""The page opens with a sample that was really answered, or with an empty one, never with a canned answer."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.support.async_tools import finished
from tests.support.fake_engine import FakeEngine
from tests.support.paths import ASSETS
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation
from ui.state.history import History
from ui.state.opening import OpeningAnswers
from ui.tabs.opening import Opener
from ui.tabs.task import EXAMPLES
from vlm_backends import BadPrompt, Chunk, Embedded, Prompt, Question, Turn, find_model
from vlm_backends.engines.base import Traits
from vlm_backends.media import images

FLORENCE = find_model("microsoft/florence-2")
LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")


class Talking(FakeEngine):
    """Answers each question with what it was told, and counts."""

    name = "Talking"

    def __init__(self, words="It is a cat.", error=None):
        self.words, self.error, self.asked = words, error, 0

    def stream(self, model, prompt, cancel=None):
        self.asked += 1
        if self.error:
            raise self.error
        yield Chunk(self.words)


class Sending(Talking):
    """An engine that would send the picture away."""

    name = "Sending"
    traits = replace(Traits("openai"), sends_to="example.com")


def question(model=LLAMA):
    picture = images.read(ASSETS / "cat.jpg")
    return Question(model, Prompt((Turn("user", "What is it?", (picture,)),)))


def opened(engine, *models):
    """The results of the tabs after the page has started."""
    opening = OpeningAnswers(EngineRegistry((engine,)))
    for model in models:
        opening.add(model, lambda model=model: question(model))

    async def run():
        await opening.compute()
        return [await opening.result(model) for model in models]

    return finished(run())


def test_each_tab_gets_the_answer_that_was_computed_once():
    engine = Talking()
    results = opened(engine, LLAMA, FLORENCE)
    assert [result.answer.text for result in results] == ["It is a cat."] * 2 and engine.asked == 2


@pytest.mark.parametrize(
    "engine", [Sending(), Talking(""), Talking(error=BadPrompt("No.")), Talking("   ")]
)
def test_no_answer_is_no_result_and_nothing_is_sent_away(engine):
    (result,) = opened(engine, LLAMA)
    assert result is None or result.answer.text.strip()
    assert engine.asked == (not isinstance(engine, Sending))


def test_a_fault_at_one_sample_leaves_the_others_their_answers(caplog):
    class Faulty(Talking):
        def stream(self, model, prompt, cancel=None):
            if model is FLORENCE:
                raise ZeroDivisionError
            return super().stream(model, prompt, cancel)

    first, second = opened(Faulty(), FLORENCE, LLAMA)
    assert first is None and second.answer.text and "met a fault" in caplog.text


def test_a_tab_that_is_opened_comes_next_and_waits_for_its_answer():
    opening = OpeningAnswers(EngineRegistry((Talking(),)))
    order = []
    for model in (FLORENCE, LLAMA):
        opening.add(model, lambda model=model: (order.append(model.id), question(model))[1])

    async def run():
        waiting = asyncio.create_task(opening.result(LLAMA))
        computing = asyncio.create_task(opening.compute())
        await computing
        return opening.pending(LLAMA), await opening.result(LLAMA), waiting

    pending, result, _ = finished(run())
    assert result and not pending and sorted(order) == sorted([FLORENCE.id, LLAMA.id])


def test_without_a_computation_there_is_nothing_to_wait_for():
    opening = OpeningAnswers(EngineRegistry((Talking(),)))
    opening.add(LLAMA, question)
    assert finished(opening.result(LLAMA)) is None and not opening.pending(LLAMA)


@pytest.mark.slow
def test_the_first_sample_is_really_read():
    (_, name, _, _), *_ = EXAMPLES
    opening = OpeningAnswers(EngineRegistry((Embedded(),)))
    picture = images.read(ASSETS / name)
    task = Turn("user", "What does it say?", (picture,))
    opening.add(LLAMA, lambda: Question(LLAMA, Prompt((task,))))

    async def run():
        await opening.compute()
        return await opening.result(LLAMA)

    assert "Lake Loop" in finished(run()).answer.text


@pytest.mark.parametrize("previewed", [False, True])
def test_without_a_sample_only_its_own_preview_is_taken_away(previewed):
    """What was given meanwhile would go with it: the answer may arrive after that of the picture."""
    tab = SimpleNamespace(model=LLAMA, state="state", viewer="viewer", live="live")
    opener = Opener(tab, OpeningAnswers(EngineRegistry((Talking(),))), History(), None)
    state = Conversation(previewed=previewed)
    updates = finished(opener.answer(state, Visitor()))
    assert ("viewer" in updates) == previewed and updates["live"] == ""
