"""The visits of the tests speak Gradio's protocol as a browser does."""

import gradio as gr
import pytest

from tests.support.async_tools import finished
from tests.support.gradio_wire import Session, opened
from tests.support.ports import launch_page


@pytest.fixture(scope="module")
def url():
    with gr.Blocks() as page:
        inputs = [gr.Textbox("first"), gr.Number(3), gr.Checkbox(True)]
        shown = gr.JSON()
        gr.Button("Go").click(lambda *values: list(values), inputs, shown, queue=False)
    yield launch_page(page)
    page.close()


@pytest.mark.parametrize("given, got", [
    ((), ["first", 3, True]), (("x",), ["x", 3, True]), (("x", 7), ["x", 7, True]), (("x", 7, False), ["x", 7, False]),
    ((None,), [None, 3, True]), (("x", None), ["x", None, True]),
])  # fmt: skip
def test_inputs_that_are_not_given_are_those_of_a_new_page(url, given, got):
    async def answer():
        page = await opened(url)
        return await Session(page).run(page.event("click", "button"), *given)

    assert finished(answer()) == [got]
