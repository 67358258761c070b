"""What a browser asked is kept under its own numbers, for some hours, and never with a key."""

import asyncio
import gc
from pathlib import Path
from types import FunctionType, ModuleType

import gradio as gr
import pytest
from gradio.context import LocalContext

from tests.support.async_tools import finished, gather
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from ui.core.limits import current_user
from ui.core.session import Visitor, find_engines
from ui.core.storage import MAX_AGE, store_picture
from ui.state.candidates import Candidate
from ui.state.comparison import Comparison, ComparisonEntry
from ui.state.conversation import Conversation
from ui.state.history import RELOADED, History, cut_off
from ui.state.phase import Phase
from ui.state.replies import PageReply
from ui.state.task_run import TaskRun
from ui.tabs.chat import ChatTab
from ui.tabs.task import TaskTab
from ui.web.middleware import protection
from vlm_backends import Embedded, Prompt, Question, Turn, find_model
from vlm_backends.ratelimit import RateLimiter

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
ONE, OTHER = "a" * 32, "b" * 32
WINDOW, SECOND = f"{ONE}.{'1' * 32}", f"{ONE}.{'2' * 32}"


@pytest.fixture(autouse=True)
def _uploads(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))


def conversation(words="What is it?"):
    """A conversation in which something was asked."""
    talk = Conversation()
    talk.put(Turn("user", words, (store_picture(ASSETS / "cat.jpg"),)))
    talk.reset()
    return talk


def test_a_browser_goes_on_with_its_newest_conversation():
    history, talk = History(), conversation()
    assert history.resume(WINDOW, "", "llama", talk) is talk
    assert history.resume(WINDOW, "", "llama", Conversation()) is talk
    assert history.resume(SECOND, "", "llama", Conversation()) is talk, "another window"


def test_a_reload_before_the_first_question_loses_none_of_the_next():
    history, talk = History(), Conversation()
    history.resume(WINDOW, "", "llama", Conversation())
    assert history.resume(WINDOW, "", "llama", talk) is talk, "nothing was asked before"
    talk.put(Turn("user", "Later?", (store_picture(ASSETS / "cat.jpg"),)))
    assert history.resume(WINDOW, "", "llama", Conversation()) is talk


def test_what_is_asked_in_a_window_comes_back_there_though_another_was_opened_meanwhile():
    history, first, second = History(), Conversation(), Conversation()
    history.resume(WINDOW, "", "llama", first)
    history.resume(SECOND, "", "llama", second)
    first.put(Turn("user", "Later?", (store_picture(ASSETS / "cat.jpg"),)))
    assert history.resume(WINDOW, "", "llama", Conversation()) is first
    for each in range(50):
        history.resume(f"{ONE}.{each:032x}", "", "llama", Conversation())
    assert history.resume(WINDOW, "", "llama", Conversation()) is first, "windows push nothing out"


def test_a_new_conversation_stays_new_after_a_reload():
    history = History()
    history.resume(WINDOW, "", "llama", conversation())
    history.renew(WINDOW, "", "llama", Conversation())
    fresh = Conversation()
    assert history.resume(WINDOW, "", "llama", fresh) is fresh
    assert len(history.earlier(WINDOW, "", "llama")) == 2


def test_what_was_asked_before_the_page_knew_the_browser_comes_first():
    history, old, new = History(), conversation("Old?"), conversation("New?")
    history.resume(WINDOW, "", "llama", old)
    assert history.resume(WINDOW, "", "llama", new) is new
    assert history.earlier(WINDOW, "", "llama") == [new, old]


@pytest.mark.parametrize(
    "browser, user, tab",
    [
        (f"{OTHER}.{'1' * 32}", "", "llama"),
        (WINDOW, "mallory", "llama"),
        (WINDOW, "", "neva"),
        ("", "", "llama"),
        (ONE, "", "llama"),
        (f"{ONE[:-1]}.", "", "llama"),
        (f"{ONE}.{'g' * 32}", "", "llama"),
        (f" {WINDOW}", "", "llama"),
        (f"{WINDOW}\n", "", "llama"),
        (None, "", "llama"),
        (7, "", "llama"),
        ({"a": 1}, "", "llama"),
    ],
)
def test_nobody_else_gets_it(browser, user, tab):
    history, fresh = History(), Conversation()
    history.resume(WINDOW, "", "llama", conversation())
    assert history.resume(browser, user, tab, fresh) is fresh
    assert not [each for each in history.earlier(browser, user, tab) if each.begun]


def test_what_was_cleared_never_comes_back():
    history, first, second = History(), conversation("One?"), conversation("Two?")
    history.resume(WINDOW, "", "llama", first)
    history.renew(WINDOW, "", "llama", second)
    second.forgotten = True
    assert history.earlier(WINDOW, "", "llama") == [first]
    first.forgotten = True
    fresh = Conversation()
    assert history.resume(WINDOW, "", "llama", fresh) is fresh


def test_a_picture_that_is_gone_takes_its_conversation_along():
    history, talk = History(), conversation()
    history.resume(WINDOW, "", "llama", talk)
    Path(talk.pictures[0].source).unlink()
    fresh = Conversation()
    assert history.resume(WINDOW, "", "llama", fresh) is fresh


def test_it_is_kept_no_longer_than_the_pictures_and_not_for_everybody(monkeypatch):
    now = [0.0]
    history, talk = History(clock=lambda: now[0]), conversation()
    history.resume(WINDOW, "", "llama", talk)
    now[0] = MAX_AGE - 1
    assert history.earlier(WINDOW, "", "llama") == [talk]
    now[0] = 2 * MAX_AGE + 1
    assert history.earlier(WINDOW, "", "llama") == []
    history.renew(WINDOW, "", "llama", talk)
    for i in range(600):
        history.earlier(f"{i:032x}.", "", "llama")
    assert history.earlier(WINDOW, "", "llama") == [], "the latest browsers are kept"


def test_of_many_conversations_the_newest_are_kept():
    history = History()
    talks = [conversation(f"Question {i}?") for i in range(25)]
    for talk in talks:
        history.renew(WINDOW, "", "llama", talk)
    assert history.earlier(WINDOW, "", "llama") == talks[:4:-1]


def running(window):
    """A conversation whose answer is on its way, shown in this window."""
    talk = conversation()
    talk.enqueue()
    talk.claim()
    talk.reply = PageReply(Question(LLAMA, Prompt(tuple(talk.turns))), talk.stop_token)
    talk.shown_in = window
    return talk


def test_a_reload_cuts_its_own_answer_off_and_says_so():
    talk = running(WINDOW)
    talk.reply.interrupt = lambda reason: (setattr(talk.reply, "failure", reason), talk.end())
    assert finished(cut_off(talk, WINDOW)) and talk.reply.failure == RELOADED
    talk.settle()
    assert RELOADED.split(".")[0] in talk.messages[-1]["content"]


def test_a_second_window_leaves_the_answer_of_the_first_alone(monkeypatch):
    monkeypatch.setattr("ui.state.history._PATIENCE_S", 0.1)
    talk = running(SECOND)
    assert not finished(cut_off(talk, WINDOW))
    assert talk.phase is Phase.RUNNING and not talk.reply.failure


def test_an_answer_that_was_complete_is_not_called_cut_off():
    talk = running(WINDOW)
    talk.reply.complete = True
    talk.end()
    assert finished(cut_off(talk, WINDOW)) and not talk.reply.failure


def test_a_comparison_is_kept_with_its_pictures_and_cut_off_as_a_whole():
    comparison, picture = Comparison(), store_picture(ASSETS / "cat.jpg")
    assert not comparison.begun and comparison.pictures == []
    turn = Turn("user", "What is it?", (picture,))
    question = Question(LLAMA, Prompt((turn,)))
    entries = [ComparisonEntry(Candidate(LLAMA, "Built-in tools"), question) for _ in range(2)]
    comparison.begin(picture, entries, "")
    comparison.claim()
    comparison.shown_in = WINDOW
    assert comparison.begun and comparison.pictures == [picture]
    for entry in entries:
        entry.reply.interrupt = lambda reason, entry=entry: setattr(entry.reply, "failure", reason)
    entries[1].reply.complete = True
    entries[1].end()
    comparison.reset()  # Gradio has ended what watched it
    comparison.enqueue()
    finished(_reset_soon(comparison))
    assert [entry.reply.failure for entry in entries] == [RELOADED, ""]


async def _reset_soon(comparison):
    cutting = asyncio.create_task(cut_off(comparison, WINDOW))
    await asyncio.sleep(0.1)
    comparison.reset()
    assert await cutting


def test_a_task_s_picture_and_result_are_its_pictures():
    run = TaskRun()
    assert run.pictures == [] and not run.begun
    run.picture = store_picture(ASSETS / "cat.jpg")
    assert run.pictures == [run.picture] and run.begun


def test_two_people_at_one_browser_have_a_history_each():
    """The name comes from the password's check, not from the browser."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    async def who(request):
        token = LocalContext.request.set(gr.Request(request))
        try:
            return PlainTextResponse(current_user())
        finally:
            LocalContext.request.reset(token)

    accounts = {"ann": "one-1234", "bob": "two-1234"}
    app = Starlette(routes=[Route("/", who)], middleware=protection(RateLimiter(), accounts))
    client = TestClient(app)
    assert client.get("/", auth=("ann", "one-1234")).text == "ann"
    assert client.get("/", auth=("bob", "two-1234")).text == "bob"
    assert client.get("/", auth=("ann", "two-1234")).status_code == 401
    open_app = Starlette(routes=[Route("/", who)], middleware=protection(RateLimiter(), {}))
    assert TestClient(open_app).get("/", auth=("ann", "x")).text == ""


def holds(root, text):
    """Return True when the text can be reached from an object, but by way of code."""
    seen, waiting = set[int](), [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (ModuleType, type, FunctionType)):
            continue
        seen.add(id(each))
        if isinstance(each, (str, bytes)) and text in (
            each if isinstance(each, str) else repr(each)
        ):
            return True
        waiting += gc.get_referents(each)
    return False


def test_what_is_kept_of_an_answer_holds_no_key(wire, monkeypatch):
    """Conversations outlive the visit; the page says that the key does not."""
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    key = "nvapi-canary-0123456789"
    with gr.Blocks():
        chat = ChatTab(LLAMA, find_engines(Embedded()), gr.State(Visitor()))
        tasks = TaskTab(find_model("microsoft/florence-2"), chat.registry, gr.State(Visitor()))
    wire.script.append(say.sse(["A cat."]))
    talk, run = Conversation(), TaskRun(token="<OD>", picture=store_picture(ASSETS / "cat.jpg"))
    chat.handlers.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.handlers.stream(talk, Visitor(key), 64, 1.0, 1.0, None))
    chat.handlers.finish(talk, Visitor(key))
    tasks.handlers.take(run, 1, "", 0.5, None, None, None, None)
    gather(tasks.handlers.stream(run, Visitor(key)))
    tasks.handlers.finish(run, Visitor(key))
    assert [seen.token for seen in wire.asked("chat")] == [key, key]
    assert talk.result and run.result and holds(Visitor(key), key)
    assert not holds([talk, run], key)
