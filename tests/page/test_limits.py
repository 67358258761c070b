"""The owner's limits on the page: what is refused goes back into its box, and a wrong limit stops the start."""

import subprocess
import sys

import gradio as gr
import pytest

from tests.support.async_tools import gather
from tests.support.page_process import environment
from tests.support.paths import ASSETS
from tests.support.updates import value_of
from ui.core.session import EngineRegistry, Visitor
from ui.core.storage import store_picture
from ui.state.conversation import Conversation
from ui.state.task_run import TaskRun
from ui.tabs.chat import ChatTab
from ui.tabs.task import TaskTab
from vlm_backends import NVIDIA, find_model
from vlm_backends.ratelimit import RateLimiter, VisitorLimits

SPENT = EngineRegistry(
    (NVIDIA("nvapi-owner", "http://127.0.0.1:9"),), limiter=RateLimiter(VisitorLimits(budget=0))
)


def test_a_refused_question_goes_back_into_the_box():
    with gr.Blocks():
        chat, talk = (
            ChatTab(find_model("meta/llama-3.2-11b-vision-instruct"), SPENT, gr.State(Visitor())),
            Conversation(),
        )
    chat.handlers.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    gather(chat.handlers.stream(talk, Visitor(), 512, 1.0, 1.0, None))
    done = chat.handlers.finish(talk, Visitor())
    shown, box = value_of(done, chat.chatbot), value_of(done, chat.box)
    assert box["text"] == "Who?" and len(box["files"]) == 1 and not talk.turns
    assert "paid for all it may today" in shown[-1]["content"]


def test_a_refused_task_is_a_notice_and_what_stood_there_stays():
    with gr.Blocks():
        tab = TaskTab(find_model("microsoft/florence-2"), SPENT, gr.State(Visitor()))
    runs, run = tab.handlers, TaskRun()
    run.picture = store_picture(ASSETS / "sign.jpg")
    runs.take(run, 1, "", 0.5, None, None, None, None)
    gather(runs.stream(run, Visitor()))
    notice = value_of(runs.finish(run, Visitor()), tab.notice)
    assert "paid for all it may today" in notice and run.result is None and run.picture


@pytest.mark.slow
def test_a_page_with_a_wrong_limit_does_not_start_and_leaves_nothing(tmp_path):
    with environment(VLM_BUDGET="lots", TMPDIR=str(tmp_path)):
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ASSETS.parent,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (
        done.returncode == 1
        and done.stderr.strip() == "Not started. VLM_BUDGET must be a whole number, or off."
    )
    assert not list(tmp_path.iterdir())
