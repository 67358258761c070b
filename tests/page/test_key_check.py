"""A visitor's key is tried at once: what NVIDIA does not take is forgotten, with its sentence."""

import gradio as gr
import pytest

from tests.support.async_tools import finished
from tests.support.ports import free_port
from tests.support.wire import replies as say
from tests.support.wire.problems import problem
from ui.components.engine_panel import EnginePanel
from ui.core.session import Visitor, find_engines
from ui.state.key_check import TRYING
from vlm_backends import Embedded

KEY = "nvapi-canary-0123456789"


def tried(key=KEY, notice=TRYING):
    """What the panel says of a key that was just taken, and the visitor after that."""
    with gr.Blocks():
        panel = EnginePanel(find_engines(Embedded()))
    said = finished(panel.try_key(Visitor(key), notice))
    return said.get(panel.notice), said[panel.visitor]


def test_a_key_that_works_is_told_and_asked_once(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(say.sse(["yes"]))
    said, visitor = tried()
    (asked,) = wire.asked("chat")
    assert visitor.key == KEY and said.startswith("The key works")
    assert asked.json["max_tokens"] == 1 and "image" not in str(asked.json)


@pytest.mark.parametrize(
    "key, reply",
    [
        ("hello", problem(401, "Unauthorized", "Authentication failed")),
        (KEY, problem(403, "Forbidden", "Authorization failed")),
        (KEY, say.status(401, "")),
        (KEY, say.status(403, "<html>no</html>")),
    ],
)
def test_a_key_that_is_not_taken_is_forgotten(wire, monkeypatch, key, reply):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script.append(reply)
    said, visitor = tried(key)
    assert not visitor.key and "key" in said and key not in said


@pytest.mark.parametrize(
    "reply", [say.status(500, ""), say.status(429, ""), say.status(404, ""), say.drop()]
)
def test_a_key_that_could_not_be_tried_is_kept_and_told(wire, monkeypatch, reply):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script += [reply] * 8
    said, visitor = tried()
    assert visitor.key == KEY and "could not be tried" in said and KEY not in said


@pytest.mark.parametrize("key, is_told", [(KEY, False), ("hello", True), ("sk-abc", True)])
def test_a_key_that_could_not_be_tried_and_looks_like_none_is_not_used(
    wire, monkeypatch, key, is_told
):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    wire.script += [say.status(500, "")] * 8
    said, visitor = tried(key)
    assert ("begins with “nvapi-”" in said) == is_told == (not visitor.key) and key not in said


def test_a_host_that_cannot_be_reached_takes_no_key_away(monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", f"http://127.0.0.1:{free_port()}")
    said, visitor = tried()
    assert visitor.key == KEY and "could not be tried" in said


def test_nothing_is_asked_when_no_key_was_taken(wire, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    said, visitor = tried(notice="Paste a key into the field first.")
    assert said is None and visitor.key == KEY and not wire.seen
