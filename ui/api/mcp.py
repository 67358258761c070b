"""The page as an MCP server: seven tools for agents, answered by the page's engines.

Gradio makes a tool's name, description and schema from the method here and its fields. The caller's
key comes by a header: it is no argument, so that no model can see it, or repeat it.
"""

import json
from asyncio import to_thread
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import gradio as gr

from ui.api.endpoints import KEY_HEADER, answers, prepare
from ui.core.gradio_compat import FetchedImage, RegionJSON, ToolError
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation, read_message
from ui.state.replies import PageReply
from ui.state.task_plan import task_prompt
from vlm_backends import CATALOGUE, Prompt, Question, VLMError, find_model
from vlm_backends.media.geometry import bounds

# Gradio lists a header in a tool's schema for a plain `gr.Header`, and not for `gr.Header | None`.
_NO_HEADER: Any = None
CHATS = [model.id for model in CATALOGUE if not model.tasks]
DETAILS = {"short": "<CAPTION>", "medium": "<DETAILED_CAPTION>", "long": "<MORE_DETAILED_CAPTION>"}


def mcp_installed() -> bool:
    """Return True when the package that `launch(mcp_server=True)` needs is installed."""
    return find_spec("mcp") is not None


def add_tools(registry: EngineRegistry) -> None:
    """Add the seven tools; their fields are hidden from the page."""
    tools = AgentTools(registry)
    with gr.Row(visible=False):
        image = FetchedImage(label="image", type="filepath")
        words, region = gr.Textbox("", label="words"), RegionJSON(label="region")
        sentence, question = gr.Textbox(label="sentence"), gr.Textbox(label="question")
        detail = gr.Dropdown([*DETAILS], value="short", label="detail")
        model = gr.Dropdown(CHATS, value=CHATS[0], label="model")
        page = gr.Number(1, label="page", precision=0)
        reply, button = gr.Textbox(label="json"), gr.Button()
    for tool, fields in (
        (tools.caption, [image, detail, page]),
        (tools.detect, [image, words, page]),
        (tools.ocr, [image, page]),
        (tools.segment, [image, words, region, page]),
        (tools.ground, [image, sentence, page]),
        (tools.chart_to_table, [image, page]),
        (tools.ask, [image, question, model, page]),
    ):
        # In the queue, each call would be a second request, from this server to itself.
        button.click(tool, fields, reply, api_name=tool.__name__, queue=False)


@dataclass(frozen=True)
class AgentTools:
    """The tools of a page with these engines; a tool's docstring is what agents read of it.

    `image` is the path of a file, `x_nvidia_api_key` the value of the header X-NVIDIA-API-Key.
    """

    registry: EngineRegistry

    async def caption(
        self,
        image: str,
        detail: Literal["short", "medium", "long"] = "short",
        page: int = 1,
        x_nvidia_api_key: gr.Header = _NO_HEADER,
    ) -> str:
        """Describe a picture in words, with Florence-2.

        Gives JSON: text is the caption; engine and model say what was asked, note says who really
        answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            detail: short is one sentence, medium a few sentences, long a paragraph.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        return await self._task(x_nvidia_api_key, page, DETAILS[detail or "short"], image)

    async def detect(
        self, image: str, words: str = "", page: int = 1, x_nvidia_api_key: gr.Header = _NO_HEADER
    ) -> str:
        """Find things in a picture, all that are of a common kind or those you name, with a box
        around each.

        Gives JSON: regions are the things, each with label, box [left, top, right, bottom] and
        outline [[x, y], ...] in 0..1 from the picture's top left corner, and score (0..1) where
        the engine says how sure it is; text has the labels; engine and model say what was asked,
        note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            words: What to look for, such as "a red car". Without it: all of common kinds.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        task = "<OPEN_VOCABULARY_DETECTION>" if (words or "").strip() else "<OD>"
        return await self._task(x_nvidia_api_key, page, task, image, words)

    async def ocr(self, image: str, page: int = 1, x_nvidia_api_key: gr.Header = _NO_HEADER) -> str:
        """Read all text in a picture, line by line, with the place of each line.

        Gives JSON: text has all lines; regions are the lines, each with label, box [left, top,
        right, bottom] and outline [[x, y], ...] in 0..1 from the picture's top left corner; engine
        and model say what was asked, note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        return await self._task(x_nvidia_api_key, page, "<OCR_WITH_REGION>", image)

    async def segment(
        self,
        image: str,
        words: str = "",
        region: list | None = None,
        page: int = 1,
        x_nvidia_api_key: gr.Header = _NO_HEADER,
    ) -> str:
        """Outline one thing in a picture. Say which by words, or by a box around it: one of the
        two.

        Gives JSON: regions are the parts of the thing, each with label, box [left, top, right,
        bottom] and outline [[x, y], ...] in 0..1 from the picture's top left corner; text has words
        about them; engine and model say what was asked, note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            words: What to outline, such as "the cat on the left".
            region: A box around it, [left, top, right, bottom] in 0..1 from the top left corner.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        if bool((words or "").strip()) == (region is not None):
            raise ToolError(
                "Say what to outline: either words, or a region as [left, top, right, bottom] "
                "in 0..1."
            )
        task = (
            "<REFERRING_EXPRESSION_SEGMENTATION>" if region is None else "<REGION_TO_SEGMENTATION>"
        )
        return await self._task(x_nvidia_api_key, page, task, image, words, region)

    async def ground(
        self, image: str, sentence: str, page: int = 1, x_nvidia_api_key: gr.Header = _NO_HEADER
    ) -> str:
        """Find the things in a picture that a sentence names, with a box for each phrase.

        Gives JSON: regions are the things, each with label (the phrase), box [left, top, right,
        bottom] and outline [[x, y], ...] in 0..1 from the picture's top left corner; text has the
        phrases; engine and model say what was asked, note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            sentence: A sentence about the picture, such as "A woman with a dog sits on a bench."
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        return await self._task(
            x_nvidia_api_key, page, "<CAPTION_TO_PHRASE_GROUNDING>", image, sentence
        )

    async def chart_to_table(
        self, image: str, page: int = 1, x_nvidia_api_key: gr.Header = _NO_HEADER
    ) -> str:
        """Turn the picture of a chart into the table of numbers behind it, with DePlot.

        Gives JSON: rows are the table's rows of cells, the heading first; text is the table in
        Markdown or, where there are no rows, says why; engine and model say what was asked, note
        says who really answered.

        Args:
            image: The picture of one chart, as an http(s) or data: URL.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        return await self._chat(x_nvidia_api_key, page, "google/deplot", image)

    async def ask(
        self,
        image: str,
        question: str,
        model: str = CHATS[0],
        page: int = 1,
        x_nvidia_api_key: gr.Header = _NO_HEADER,
    ) -> str:
        """Ask a vision-language model a question about a picture.

        Gives JSON: text is the answer; regions are the places that it names, rows its table, if
        there are any; engine and model say what was asked, note says who really answered (where
        no model can be asked, it is the text that was read in the picture).

        Args:
            image: The picture, as an http(s) or data: URL.
            question: What to ask, in plain words.
            model: Which model to ask. Where it is not available, the error says what to do instead.
            page: Which page of a PDF or TIFF, or frame of an animation; 1 is the first.
        """
        return await self._chat(x_nvidia_api_key, page, model, image, question)

    async def _task(
        self,
        key: str | None,
        page: int | None,
        token: str,
        image: str,
        words: str = "",
        region: object = None,
    ) -> str:
        florence2 = find_model("microsoft/florence-2")
        return await self._answer(
            key, lambda: Question(florence2, *task_prompt(token, image, words, region, page))
        )

    async def _chat(
        self, key: str | None, page: int | None, id: str, image: str, question: str = ""
    ) -> str:
        def make_question() -> Question:
            model = find_model(id)
            message = {"text": question, "files": [image] if image else []}
            turn = read_message(message, Conversation(), model, page)
            return Question(model, Prompt((turn,), model.sampling))

        return await self._answer(key, make_question)

    async def _answer(self, key: str | None, make_question: Callable[[], Question]) -> str:
        """Return the answer as JSON. Raises ToolError with the sentence of what went wrong."""
        caller = Visitor((key or "").strip())
        try:
            reply = await prepare(self.registry, caller, make_question)
        except VLMError as error:
            raise ToolError(str(error)) from None
        async for _ in answers(self.registry, caller, reply):
            pass
        if reply.failure:
            advice = await to_thread(_advice, self.registry, caller, reply)
            raise ToolError(reply.failure + advice)
        return json.dumps(_to_dict(reply), ensure_ascii=False)


def _advice(registry: EngineRegistry, caller: Visitor, reply: PageReply) -> str:
    """Say what a caller can change when the engine lacks the model or a key."""
    if not reply.gone or reply.engine is None:
        return ""
    traits = reply.engine.traits
    if not (traits.takes_key and traits.has_key):
        return f" A tool's caller gives the key in the header {KEY_HEADER}."
    other = registry.answering(Visitor(), reply.question.model)
    if other.traits.takes_key or not caller.key:
        return ""
    return f" Without the header {KEY_HEADER}, “{other.name}” answers."


def _to_dict(reply: PageReply) -> dict[str, Any]:
    """Return the parts of an answer that agents get: words, places, a table, and its author."""
    whole = reply.to_dict()
    regions = [
        {
            "label": region["label"],
            "box": list(bounds(region["outline"])),
            "outline": region["outline"],
            **({"score": region["score"]} if "score" in region else {}),
        }
        for region in whole["regions"]
    ]
    note = whole["note"] or f"Answered by {whole['engine']}."
    parts = {key: whole[key] for key in ("text", "regions", "rows", "engine", "model")}
    return parts | {"regions": regions, "note": note}
