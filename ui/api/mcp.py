"""The page as an MCP server: seven tools for agents, answered by the page's engines.

Gradio makes a tool's name, description and schema from the method here and its fields. The caller's key comes by a
header: it is no argument, so that no model can see it, or repeat it.
"""

import json
from asyncio import to_thread
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import gradio as gr
from gradio.utils import get_upload_folder

from ui.api.endpoints import BOX, KEY_HEADER
from ui.core.gradio_compat import UploadedImage
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Conversation, read_message
from ui.state.replies import PageReply, follow
from ui.state.task_plan import task_prompt
from vlm_backends import CATALOGUE, NVIDIA, Prompt, Question, VLMError, find_model
from vlm_backends.media.geometry import bounds

CHATS = [model.id for model in CATALOGUE if not model.tasks]
DETAILS = {"short": "<CAPTION>", "medium": "<DETAILED_CAPTION>", "long": "<MORE_DETAILED_CAPTION>"}
_ADDRESSES = "Give a public http(s) address, a data: URL, or upload the file to this page first."


def mcp_installed() -> bool:
    """True where the package is here that `launch(mcp_server=True)` needs."""
    return find_spec("mcp") is not None


def add_tools(registry: EngineRegistry) -> None:
    """Adds the seven tools, their fields hidden from the page."""
    tools = Tools(registry)
    with gr.Row(visible=False):
        image = _fetched(UploadedImage(label="image", type="filepath"))
        words, region = gr.Textbox("", label="words"), gr.JSON(label="region")
        sentence, question = gr.Textbox(label="sentence"), gr.Textbox(label="question")
        detail = gr.Dropdown([*DETAILS], value="short", label="detail")
        model = gr.Dropdown(CHATS, value=CHATS[0], label="model")
        reply, button = gr.Textbox(label="json"), gr.Button()
    region.api_info = lambda: (
        BOX
    )  # a JSON field says of itself that it takes anything, in no valid schema
    for tool, fields in (
        (tools.caption, [image, detail]),
        (tools.detect, [image, words]),
        (tools.ocr, [image]),
        (tools.segment, [image, words, region]),
        (tools.ground, [image, sentence]),
        (tools.chart_to_table, [image]),
        (tools.ask, [image, question, model]),
    ):  # in the queue, each call would be a second request, from this server to itself
        button.click(tool, fields, reply, api_name=tool.__name__, queue=False)


@dataclass(frozen=True)
class Tools:
    """The tools of a page with these engines; `image` is a path, the key the value of the header X-NVIDIA-API-Key."""

    registry: EngineRegistry

    async def caption(
        self,
        image: str,
        detail: Literal["short", "medium", "long"] = "short",
        x_nvidia_api_key: gr.Header = None,
    ) -> str:
        """Describe a picture in words, with Florence-2.

        Gives JSON: text is the caption; engine and model say what was asked, note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            detail: short is one sentence, medium a few sentences, long a paragraph.
        """
        return await self._task(x_nvidia_api_key, DETAILS[detail or "short"], image)

    async def detect(self, image: str, words: str = "", x_nvidia_api_key: gr.Header = None) -> str:
        """Find things in a picture, all that are of a common kind or those you name, with a box around each.

        Gives JSON: regions are the things, each with label, box [left, top, right, bottom] and outline [[x, y], ...]
        in 0..1 from the picture's top left corner; text has the labels; engine and model say what was asked, note says
        who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            words: What to look for, such as "a red car". Leave it out to get all objects of common kinds.
        """
        task = "<OPEN_VOCABULARY_DETECTION>" if (words or "").strip() else "<OD>"
        return await self._task(x_nvidia_api_key, task, image, words)

    async def ocr(self, image: str, x_nvidia_api_key: gr.Header = None) -> str:
        """Read all text in a picture, line by line, with the place of each line.

        Gives JSON: text has all lines; regions are the lines, each with label, box [left, top, right, bottom] and
        outline [[x, y], ...] in 0..1 from the picture's top left corner; engine and model say what was asked, note says
        who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
        """
        return await self._task(x_nvidia_api_key, "<OCR_WITH_REGION>", image)

    async def segment(
        self,
        image: str,
        words: str = "",
        region: list | None = None,
        x_nvidia_api_key: gr.Header = None,
    ) -> str:
        """Outline one thing in a picture. Say which by words, or by a box around it: one of the two.

        Gives JSON: regions are the parts of the thing, each with label, box [left, top, right, bottom] and outline
        [[x, y], ...] in 0..1 from the picture's top left corner; text has words about them; engine and model say what
        was asked, note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            words: What to outline, such as "the cat on the left".
            region: A box around it, [left, top, right, bottom] in 0..1 from the picture's top left corner.
        """
        if bool((words or "").strip()) == (region is not None):
            raise _Sentence(
                "Say what to outline: either words, or a region as [left, top, right, bottom] in 0..1."
            )
        task = (
            "<REFERRING_EXPRESSION_SEGMENTATION>" if region is None else "<REGION_TO_SEGMENTATION>"
        )
        return await self._task(x_nvidia_api_key, task, image, words, region)

    async def ground(self, image: str, sentence: str, x_nvidia_api_key: gr.Header = None) -> str:
        """Find the things in a picture that a sentence names, with a box for each phrase.

        Gives JSON: regions are the things, each with label (the phrase), box [left, top, right, bottom] and outline
        [[x, y], ...] in 0..1 from the picture's top left corner; text has the phrases; engine and model say what was
        asked, note says who really answered.

        Args:
            image: The picture, as an http(s) or data: URL.
            sentence: A sentence about the picture, such as "A woman with a dog sits on a bench."
        """
        return await self._task(x_nvidia_api_key, "<CAPTION_TO_PHRASE_GROUNDING>", image, sentence)

    async def chart_to_table(self, image: str, x_nvidia_api_key: gr.Header = None) -> str:
        """Turn the picture of a chart into the table of numbers behind it, with DePlot.

        Gives JSON: rows are the table's rows of cells, the heading first; text is the table in Markdown or, where there
        are no rows, says why; engine and model say what was asked, note says who really answered.

        Args:
            image: The picture of one chart, as an http(s) or data: URL.
        """
        return await self._chat(x_nvidia_api_key, "google/deplot", image)

    async def ask(
        self, image: str, question: str, model: str = CHATS[0], x_nvidia_api_key: gr.Header = None
    ) -> str:
        """Ask a vision-language model a question about a picture.

        Gives JSON: text is the answer; regions are the places that it names, rows its table, if there are any; engine
        and model say what was asked, note says who really answered (without a model, print is read out instead).

        Args:
            image: The picture, as an http(s) or data: URL.
            question: What to ask, in plain words.
            model: Which model to ask. Where one is not available, the error says what to do instead.
        """
        return await self._chat(x_nvidia_api_key, model, image, question)

    async def _task(
        self, key: str | None, token: str, image: str, words: str = "", region: object = None
    ) -> str:
        florence2 = find_model("microsoft/florence-2")
        return await self._answer(
            key, lambda: Question(florence2, *task_prompt(token, image, words, region))
        )

    async def _chat(self, key: str | None, id: str, image: str, question: str = "") -> str:
        def asked() -> Question:
            model = find_model(id)
            turn = read_message(
                {"text": question, "files": [image] if image else []}, Conversation(), model
            )
            return Question(model, Prompt((turn,), model.sampling))

        return await self._answer(key, asked)

    async def _answer(self, key: str | None, question: Callable[[], Question]) -> str:
        """The reply as JSON; what goes wrong is raised as its sentence."""
        caller = Visitor((key or "").strip())
        try:
            reply = PageReply(await to_thread(question))  # it decodes a picture
            model = reply.question.model
            engine = await to_thread(self.registry.answering, caller, model)  # it may ask a server
        except VLMError as error:
            raise _Sentence(str(error)) from None
        admission = self.registry.admission(caller, engine)
        async for _ in follow(reply, engine, admission, self.registry.journal.observe):
            pass
        if reply.failure:
            raise _Sentence(reply.failure + await to_thread(_advice, self.registry, caller, reply))
        return json.dumps(_reply(reply), ensure_ascii=False)


class _Sentence(gr.Error):
    """An error whose text is its sentence, for whoever shows `str` of it: Gradio's own puts it into quotes."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, print_exception=False)

    def __str__(self) -> str:
        return self.message


def _fetched(image: gr.Image) -> gr.Image:
    """The field, made to take the address of an upload to this page too, and to say why an address gives no picture.

    Gradio fetches from public hosts only, so that nobody reads this machine's network through it.
    """
    fetch, uploads = image.async_move_resource_to_block_cache, Path(get_upload_folder()).resolve()

    async def fetched(address: str) -> str:
        path = Path(unquote(address.partition("/gradio_api/file=")[2])).resolve()
        try:
            return await fetch(
                str(path) if path.is_file() and path.is_relative_to(uploads) else address
            )
        except (
            Exception
        ) as error:  # whatever the network, the name service or the far host makes of it
            why = str(error).rstrip(".")
            raise _Sentence(
                f"No picture could be fetched from this address: {why}. {_ADDRESSES}"
            ) from None

    image.async_move_resource_to_block_cache = fetched
    return image


def _advice(registry: EngineRegistry, caller: Visitor, reply: PageReply) -> str:
    """What a caller can change when the engine does not have what is needed."""
    if not reply.gone:
        return ""
    if not (isinstance(reply.engine, NVIDIA) and reply.engine.key):
        return f" A tool's caller gives the key in the header {KEY_HEADER}."
    other = registry.answering(Visitor(), reply.question.model)
    return (
        ""
        if isinstance(other, NVIDIA)
        else f" Without the header {KEY_HEADER}, “{other.name}” answers."
    )


def _reply(reply: PageReply) -> dict:
    """What an agent gets of an answer: words, places, a table, and who it is from."""
    told = reply.to_dict()
    return {
        "text": told["text"],
        "regions": [
            {"label": region["label"], "box": _box(region["outline"]), "outline": region["outline"]}
            for region in told["regions"]
        ],
        "rows": told["rows"],
        "engine": told["engine"],
        "model": told["model"],
        "note": told["note"] or f"Answered by {told['engine']}.",
    }


def _box(outline: list[list[float]]) -> list[float]:
    """The upright box around an outline: left, top, right, bottom."""
    return list(bounds(outline))
