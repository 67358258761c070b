"""Works around Gradio's internals; each workaround says why it is needed.

tests/page/test_gradio_compat.py asserts the behaviour of Gradio that makes each of these necessary:
when one of its tests fails, Gradio has changed, and the code here can go.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block
from gradio.component_meta import ComponentMeta
from gradio.components import Component
from gradio.context import LocalContext
from gradio.data_classes import GradioModel, GradioRootModel
from gradio.events import Events
from gradio.utils import get_upload_folder

BOX_SCHEMA = {
    "type": "array",
    "items": {"type": "number"},
    "description": "left, top, right, bottom, from 0 to 1",
}


def posted(handler: Callable[..., Any], outputs: Sequence[Component]) -> Callable[..., Any]:
    """Wrap a handler for an event with `postprocess=False`: its thread postprocesses all outputs.

    Gradio would start a thread for each output and look for files in each value twice, which costs
    more than all the rest of a question when a conversation holds pictures.

    The handler may return a dict {component: value}, whose missing outputs are left as they are, or
    a sequence with a value for each output; with a single output, its value. Plain functions only.
    A `gr.State` that is left out is not renewed: Gradio forgets a state some time after it was last
    set.
    """

    @wraps(handler)
    def handled(*args: object) -> Any:
        values = _in_order(handler(*args), outputs)
        made = [_postprocessed(part, value) for part, value in zip(outputs, values, strict=True)]
        return made if len(made) > 1 else made[0]

    return handled


def _in_order(result: Any, outputs: Sequence[Component]) -> Sequence[Any]:
    """Return one value for each output; `gr.skip()` where there is none."""
    if isinstance(result, Mapping) and all(isinstance(key, Block) for key in result):
        if unknown := [key for key in result if key not in outputs]:
            raise ValueError(f"not an output of this event: {unknown[0]}")
        return [result.get(part, gr.skip()) for part in outputs]
    if isinstance(result, dict) and result == gr.skip():
        return [result] * len(outputs)
    return cast(Sequence[Any], result) if len(outputs) > 1 else [result]


def _postprocessed(part: Component, value: Any) -> object:
    """Return the value as Gradio would send it to the browser."""
    if part.stateful:
        return value
    if isinstance(value, Block):
        value = value.constructor_args | {"__type__": "update"}
    if not (isinstance(value, dict) and value.get("__type__") == "update"):
        return _dumped(part, value)
    return value | {"value": _dumped(part, value["value"])} if "value" in value else value


def _dumped(part: Component, value: object) -> object:
    made = part.postprocess(value)
    return made.model_dump() if isinstance(made, (GradioModel, GradioRootModel)) else made


def current_request() -> gr.Request | None:
    """Return the request of the event that is handled now; None outside of one.

    Gradio hands a request only to a function that has a parameter for it, not to what the function
    calls.
    """
    return LocalContext.request.get(None)


class TolerantBlocks(gr.Blocks):
    """A page whose public endpoints take calls without their last parameters, which have defaults.

    Gradio ends such calls with an error that says nothing. Programs go on working when an endpoint
    gets one more parameter.
    """

    # Started with the server, and ended with it: Gradio has no such task of a page.
    background: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], *args: Any, **options: Any
    ) -> list[Any]:
        """Return the values as the function takes them."""
        if block_fn.api_visibility == "public":
            left = block_fn.inputs[len(inputs) :]
            inputs = [*inputs, *(getattr(field, "value", None) for field in left)]
        return await super().preprocess_data(block_fn, inputs, *args, **options)


def files_of_visitors(page: gr.Blocks) -> Iterator[set[str]]:
    """Yield Gradio's sets of the files that visitors gave, to be kept up to date by the caller.

    Gradio's sweep, `delete_cache`, leaves the folders, knows nothing of this page's own files, and
    ends for good when a file arrives while it looks.
    """
    yield from page.temp_file_sets


def files_of_examples(page: gr.Blocks) -> set[str]:
    """Return the files that belong to the page itself, such as the pictures of its examples."""
    return {file for block in page.blocks.values() for file in getattr(block, "keep_in_cache", ())}


class _WithoutStub(ComponentMeta):
    """Make a subclass of a component without writing a file beside this one.

    Gradio's metaclass writes a stub of each class's events, `gradio_compat.pyi`, into the source
    tree; a subclass without events of its own needs none.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attrs)


class UploadedImage(gr.Image, metaclass=_WithoutStub):
    """A picture field that hands over the path of the file as it was uploaded.

    Gradio's own decodes the picture, may write it again, and says in words of its own what is wrong
    with it; this project reads it, with its own limits and its own sentences.
    """

    def get_block_name(self) -> str:
        """Return the front end's name of the component: Gradio derives it from the class's name."""
        return "image"

    get_block_class = get_block_name

    def preprocess(self, payload: Any) -> str | None:
        """Return the path of the upload; None for an empty field."""
        return getattr(payload, "path", None)


class UploadedFiles(gr.File, metaclass=_WithoutStub):
    """A field for several files that hands over their paths as they were uploaded.

    Gradio's own refuses all of them when the kind of one is wrong; this project judges each by
    itself.
    """

    def get_block_name(self) -> str:
        """Return the front end's name of the component: Gradio derives it from the class's name."""
        return "file"

    get_block_class = get_block_name

    def preprocess(self, payload: Any) -> list[str]:
        """Return the paths of the uploads."""
        return [file.path for file in payload or ()]


class MessageBox(gr.MultimodalTextbox, metaclass=_WithoutStub):
    """A message box that tells when a file was attached.

    Gradio's browser code says so, but the component does not list the event. It also refuses files
    by their names, before this project has looked into them.
    """

    upload = Events.upload.copy().listener
    EVENTS = [*gr.MultimodalTextbox.EVENTS, Events.upload]

    def get_block_name(self) -> str:
        """Return the front end's name of the component: Gradio derives it from the class's name."""
        return "multimodaltextbox"

    get_block_class = get_block_name

    def preprocess(self, payload: Any) -> Any:
        """Return the text and the paths of the files."""
        if payload is None:
            return None
        return {"text": payload.text, "files": [file.path for file in payload.files]}


class OptionalNumber(gr.Textbox, metaclass=_WithoutStub):
    """A field for a number that may be left empty.

    Gradio's own shows 0 for an empty one as soon as it is in the page, and sends it.
    """

    def get_block_name(self) -> str:
        """Return the front end's name of the component: Gradio derives it from the class's name."""
        return "textbox"

    get_block_class = get_block_name

    def preprocess(self, payload: Any) -> Any:
        """Return the number, None for an empty field, or the text where it is no number."""
        text = (payload or "").strip()
        try:
            return float(text.replace(",", ".")) if text else None
        except ValueError:
            return text

    def postprocess(self, value: Any) -> str:
        """Return the number as it is shown; nothing for None."""
        return f"{value:g}" if isinstance(value, (int, float)) else value or ""


class RegionJSON(gr.JSON, metaclass=_WithoutStub):
    """A JSON field for a box, which says so in the API's schema.

    Gradio's own says that it takes anything, `"type": {}`, which is no valid JSON schema: agents
    refuse it.
    """

    def get_block_name(self) -> str:
        """Return the front end's name of the component: Gradio derives it from the class's name."""
        return "json"

    get_block_class = get_block_name

    def api_info(self) -> dict[str, Any]:
        """Return the schema: four numbers in 0..1."""
        return dict(BOX_SCHEMA)


class ToolError(gr.Error):
    """An error whose `str` is its sentence, for agents; Gradio's own puts quotes around it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, print_exception=False)

    def __str__(self) -> str:
        return self.message


class FetchedImage(UploadedImage, metaclass=_WithoutStub):
    """A picture field for an address: of a public host, or of an upload to this page.

    Gradio fetches from public hosts only, so that nobody reads this machine's network through it;
    that excludes the page's own address too. What goes wrong is a ToolError here: Gradio passes on
    whatever the network, the name service or the far host makes of it.
    """

    async def async_move_resource_to_block_cache(
        self, url_or_file_path: str | Path | None
    ) -> str | None:
        """Return the path of the picture's file. Raises ToolError."""
        try:
            _, _, path = str(url_or_file_path or "").partition("/gradio_api/file=")
            upload = uploaded_path(unquote(path))
            return await super().async_move_resource_to_block_cache(upload or url_or_file_path)
        except Exception as error:
            reason = str(error).rstrip(".")
            raise ToolError(
                f"No picture could be fetched from this address: {reason}. Give a public http(s) "
                "address, a data: URL, or upload the file to this page first."
            ) from None


def uploaded_path(path: str) -> str | None:
    """Return the path if it is that of a file in the upload folder; else None."""
    uploads = Path(get_upload_folder()).resolve()
    try:
        found = Path(path).resolve()
        return str(found) if found.is_file() and found.is_relative_to(uploads) else None
    except (OSError, ValueError):  # such as a name that is too long, or has a zero byte
        return None
