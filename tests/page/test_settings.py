"""The settings of a conversation: what travels, what is refused with a sentence, and the presets."""

import re

import gradio as gr
import pytest

from tests.support.async_tools import gather
from tests.support.paths import ASSETS
from tests.support.updates import value_of
from tests.support.wire import replies as say
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation
from ui.tabs.chat import ChatTab
from ui.tabs.settings import ChatSettings, SettingsFields
from vlm_backends import CATALOGUE, NVIDIA, Embedded, OpenAI, find_model
from vlm_backends.engines import openai
from vlm_backends.models import check_sampling

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")
KOSMOS = find_model("microsoft/kosmos-2")
NUMBERS = 64, 0.5, 0.9, None
SCHEMA = '{"type": "object", "properties": {"total": {"type": "number"}}}'
CHATS = [model for model in CATALOGUE if not model.tasks]


def asked(engine, model, *instructions):
    """What the chat shows after a question with these instructions."""
    with gr.Blocks():
        chat = ChatTab(model, EngineRegistry((engine,)), gr.State(Visitor()))
    talk = Conversation()
    chat.handlers.take(talk, {"text": "Total?", "files": [ASSETS / "receipt.png"]})
    gather(chat.handlers.stream(talk, Visitor(), *NUMBERS, *instructions))
    return value_of(chat.handlers.finish(talk, Visitor()), chat.chatbot)[-1]["content"]


def test_a_system_prompt_is_the_first_message_at_nvidia(wire):
    wire.script.append(say.sse(["12.50"]))
    assert "12.50" in asked(NVIDIA("nvapi-key", wire.url), LLAMA, "  Be short. ", "")
    body = wire.asked("chat")[0].json
    assert body["messages"][0] == {"role": "system", "content": "Be short."}
    assert body["messages"][1]["role"] == "user" and "response_format" not in body


def test_a_server_gets_the_schema_too(wire):
    openai.clear_cache()
    wire.script.append(say.sse(['{"total": 12.5}']))
    assert "12.5" in asked(OpenAI(f"{wire.url}/v1"), LLAMA, "Be short.", SCHEMA)
    body = wire.asked("chat")[0].json
    assert body["messages"][0]["role"] == "system"
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"]["type"] == "object"


def test_empty_instructions_send_nothing_more(wire):
    wire.script.append(say.sse(["12.50"]))
    asked(NVIDIA("nvapi-key", wire.url), LLAMA, "   ", "")
    body = wire.asked("chat")[0].json
    assert [message["role"] for message in body["messages"]] == ["user"]


@pytest.mark.parametrize(
    "model, system, schema, said",
    [
        (LLAMA, "Be short.", "", "no system prompt"),
        (LLAMA, "", SCHEMA, "no JSON schema"),
        (KOSMOS, "Be short.", "", "no system prompt"),
        (LLAMA, "", "{", "is no JSON"),
        (LLAMA, "", "[1]", "must be an object"),
        (LLAMA, "", "[" * 100_000, "no JSON|too deeply"),
    ],
)
def test_instructions_that_would_be_dropped_are_refused(model, system, schema, said):
    assert re.search(said, asked(Embedded(), model, system, schema))


def test_nvidia_gets_no_schema_and_no_system_prompt_for_a_model_that_does_not_converse(wire):
    nvidia = NVIDIA("nvapi-key", wire.url)
    assert "no JSON schema" in asked(nvidia, LLAMA, "", SCHEMA)
    assert "no system prompt" in asked(nvidia, KOSMOS, "Be short.", "")
    assert not wire.asked("chat")


@pytest.mark.parametrize("model", CHATS, ids=lambda model: model.title)
def test_each_preset_is_within_the_model_s_range(model):
    with gr.Blocks():
        fields = SettingsFields(model)
    for name in ("The model's own", "Precise", "Varied", "Long", "unknown"):
        longest, temperature, top_p, seed = fields.preset(name)
        made = ChatSettings.of(model, (longest, temperature, top_p, seed or None))
        assert check_sampling(model, made.sampling).max_tokens == longest
    assert fields.preset("unknown") == fields.preset("The model's own") == fields.own()[1:5]
    assert fields.own()[5:] == ["", ""]
