"""A question to the built-in tools: the page shows the rows that share its words, and folds the rest."""

import gradio as gr
from PIL import Image, ImageDraw

from tests.support.async_tools import gather
from tests.support.chart_pictures import font
from tests.support.updates import value_of
from ui.core.session import Visitor, find_engines
from ui.state.conversation import Conversation
from ui.tabs.chat import ChatTab
from vlm_backends import Embedded, find_model

LLAMA = find_model("meta/llama-3.2-11b-vision-instruct")


def test_the_rest_is_folded_and_the_quoted_row_is_lit(tmp_path):
    image = Image.new("RGB", (640, 300), "white")
    for row, text in enumerate(["Ferry to Alder Island", "Adults from 12.50", "Every day at noon"]):
        ImageDraw.Draw(image).text((40, 40 + 80 * row), text, "black", font(32))
    image.save(path := tmp_path / "ferry.png")
    with gr.Blocks():
        tab = ChatTab(LLAMA, find_engines(Embedded()), gr.State(Visitor()))
    talk = Conversation()
    tab.handlers.take(talk, {"text": "What does an adult pay?", "files": [str(path)]})
    live = gather(tab.handlers.stream(talk, Visitor(), 512, 1.0, 1.0, None))
    shown = value_of(tab.handlers.finish(talk, Visitor()), tab.chatbot)
    answer, folded = [message for message in shown if message["role"] == "assistant"]
    assert "Adults from 12\\.50" in answer["content"] and "metadata" not in answer
    assert "not by understanding" in answer["content"] and "Ferry" not in answer["content"]
    assert folded["metadata"] == {"title": "Also in this picture", "status": "done"}
    assert "Ferry to Alder Island" in folded["content"] and "Adults" not in folded["content"]
    assert any("pieces of print so far" in words for words in live)
    assert [region.label for region in talk.result.answer.regions] == ["Adults from 12.50"]
    assert "Ferry to Alder Island" in talk.turns[-1].text, "the copy and the API have all of it"
