"""Shows the details of a result: how its picture was sent, the call as code, files to download."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr
from gradio.events import Dependency

from ui.components.views import view
from ui.core.events import QUIET
from ui.core.gradio_compat import posted
from ui.core.storage import store_file
from ui.state.conversation import Conversation
from ui.state.replies import Result
from ui.state.task_run import TaskRun
from vlm_backends import BadPrompt, Model, Picture, VLMError, snippets
from vlm_backends.annotate.sources import safe_name
from vlm_backends.media.exports import FORMATS, as_conversation

_NOTHING_ASKED = (
    "<p>Ask something first: the call that was made and its answer are shown here then.</p>"
)
_COPY_ON_LOAD = "showcase.copies(element)"
_BUTTON = '<button type="button" data-format="{0}">{0}</button>'
_ROW = '<div class="files" role="group" aria-label="Export">{}{}</div>'
_MENU = (
    '<div class="files"><details class="menu"><summary>Export</summary>'
    '<div role="group" aria-label="Export">{}</div></details>'
    '<button type="button" data-format="Link">Share</button>{}</div>'
)
_SAID = '<span class="said" role="status"></span>'


def export_buttons(formats: Sequence[str]) -> gr.HTML:
    """Return a row of buttons, one for each format.

    Its event `take` names the wanted format; its value is made by `download` or `refusal`.
    """
    return _exports(_ROW, formats)


def export_menu(formats: Sequence[str]) -> gr.HTML:
    """Return a menu of formats with a button that shares a link; as `export_buttons` otherwise."""
    return _exports(_MENU, formats)


def _exports(template: str, formats: Sequence[str]) -> gr.HTML:
    return gr.HTML(
        html_template=template.format("".join(map(_BUTTON.format, formats)), _SAID),
        js_on_load="showcase.files(element, props, watch, (data) => trigger('take', data))",
        apply_default_css=False,
    )


def download(name: str, data: bytes) -> dict[str, str]:
    """Return the value of export buttons that has the browser save this file."""
    return {"path": store_file(name, data), "name": name} | _changed()


def refusal(sentence: str) -> dict[str, str]:
    """Return the value of export buttons that shows this sentence."""
    return {"said": sentence} | _changed()


def _changed() -> dict[str, str]:
    """Return an entry that differs each time: Gradio does not send a value that is the same."""
    return {"turn": uuid4().hex}


def after(
    stream: Dependency, handler: Callable[..., Any], inputs: Any, outputs: Sequence[Any]
) -> list[Dependency]:
    """Run a handler at the end of a stream, also of a failed one, after which `then` does not run.

    Returns both events.
    """
    posting = posted(handler, outputs)
    return [
        event(posting, inputs, list(outputs), postprocess=False, **QUIET)
        for event in (stream.then, stream.failure)
    ]


class ResultPanel:
    """The views of an answer as JSON and code, the exports, and the facts about it.

    They are wired to the result that `state` holds: a Conversation or a TaskRun. The tab fills
    `facts` with `facts_html()`.
    """

    def __init__(self, model: Model, state: gr.State, conversation: bool) -> None:
        self.model = model
        with view("json"):
            answer = gr.HTML(js_on_load=_COPY_ON_LOAD)
        with view("code"), gr.Tabs():
            with gr.Tab("Python"):
                python = gr.HTML(js_on_load=_COPY_ON_LOAD)
            with gr.Tab("Shell"):
                shell = gr.HTML(js_on_load=_COPY_ON_LOAD)
        last = ["Conversation"] if conversation else []
        with gr.Row(elem_classes="outcome") as self.row:
            self.files = export_menu([*FORMATS, "JSON", *last, "Picture as sent"])
            self.facts = gr.HTML(
                elem_classes="sent",
                js_on_load="showcase.follows(element, watch, () => trigger('look'))",
                apply_default_css=False,
            )
        self.facts.look(listings, state, [python, shell, answer], **QUIET)
        self.files.take(self.take, state, self.files, **QUIET)

    def take(self, state: Conversation | TaskRun, event: gr.EventData) -> dict[str, str]:
        """Return the value of the export buttons for the wanted format."""
        try:
            return self._export(state, str(getattr(event, "format", "")))
        except VLMError as error:
            return refusal(str(error))

    def _export(self, state: Conversation | TaskRun, format: str) -> dict[str, str]:
        result = state.result
        name = file_stem(self.model, result.picture if result else None)
        if format == "Link":
            return {"link": f"?{state.link(self.model)}"} | _changed()
        if format == "Conversation" and isinstance(state, Conversation) and state.turns:
            archive = as_conversation(f"A conversation with {self.model.title}", state.turns)
            return download(f"{name}.zip", archive)
        if result is None or result.picture is None:
            raise BadPrompt("There is nothing to export yet: ask something first.")
        if format == "JSON":
            return download(f"{name}.json", _indented(result.to_dict()).encode())
        if format == "Picture as sent":
            sent_name, picture = _code(result).files[-1]
            return download(sent_name, picture.data)
        if format not in FORMATS:
            raise BadPrompt("This format is not known here.")
        extension, _, write = FORMATS[format]
        kind = "" if format.lower() == extension else f"-{format.lower().replace(' ', '-')}"
        return download(f"{name}{kind}.{extension}", write(result.picture, result.answer))


def file_stem(model: Model, picture: Picture | None) -> str:
    """Return the name of files about an answer: the model's, after that of one page of several."""
    name = model.id.rpartition("/")[2]
    if picture is None or picture.page.count == 1:
        return name
    page = picture.page
    return f"{Path(safe_name(picture.name)).stem}-{page.unit}-{page.number}-{name}"


def listings(state: Conversation | TaskRun) -> tuple[str, str, str]:
    """Return the last call as Python and as shell, and its answer as JSON, each as HTML."""
    result = state.result
    if result is None:
        return _NOTHING_ASKED, _NOTHING_ASKED, _NOTHING_ASKED
    answer = _listing("The answer as JSON", _indented(result.to_dict()))
    try:
        code = _code(result)
    except VLMError as error:  # its picture was deleted
        sentence = f"<p>{escape(str(error))}</p>"
        return sentence, sentence, answer
    python = _listing("The call in Python", code.python)
    return python, _listing("The call in shell", code.shell), answer


def _indented(answer: dict[str, Any]) -> str:
    """Return the JSON with a line for each key, and one for each member of a list."""
    lines = (f" {_json(name)}: {_members(value)}" for name, value in answer.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _members(value: object) -> str:
    if value and isinstance(value, list):
        return "[\n  " + ",\n  ".join(map(_json, value)) + "\n ]"
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listing(title: str, text: str) -> str:
    return (
        '<div class="listing"><button type="button" data-copy>Copy</button>'
        f'<span role="status"></span><pre tabindex="0" role="region" aria-label="{title}">'
        f"<code>{escape(text)}</code></pre></div>"
    )


def _code(result: Result) -> snippets.Code:
    question = result.question
    return snippets.code(
        result.engine, question.model, question.prompt, question.task, result.answer.sent
    )


def facts_html(result: Result | None) -> str:
    """Return in one line of HTML who answered, how long it took, and how the picture was sent.

    What the answer's own note says is below the answer.
    """
    if result is None:
        return ""
    timing = result.timing
    facts = [("Answered by", result.engine.name)]
    if timing.first_s is not None:
        facts += [("First token", f"{timing.first_s:.2f} s"), ("Total", f"{timing.total_s:.2f} s")]
    facts += [("Speed", _speed(result)), ("Picture", _transport(result))]
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value
    )
    spoken = escape(", ".join(f"{name} {value}" for name, value in facts if value), quote=True)
    return f'<dl class="facts" title="{spoken}">{items}</dl>'


def _transport(result: Result) -> str:
    """Describe the picture as it was given, and as it was sent."""
    given, sent = result.picture, result.answer.sent
    if not given or not sent:
        return ""
    original = _described(given.mime, given.width, given.height, len(given.data))
    if sent.way is None:
        return f"{original}, stayed on this server"
    way = "in the request" if sent.way == "inline" else "by NVIDIA's asset store"
    fitted = _described(sent.mime, sent.width, sent.height, sent.bytes)
    if fitted == original:
        return f"{original}, sent unchanged {way}"
    return f"{original} → sent as {fitted}, {way}"


def _described(mime: str, width: int, height: int, size: int) -> str:
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
    return f"{width} × {height} {mime.rpartition('/')[2].upper()}, {amount}"


def _speed(result: Result) -> str:
    """Return tokens a second, where the engine counts tokens."""
    tokens, timing = result.answer.tokens, result.timing
    if not tokens or timing.first_s is None:
        return ""
    streams = result.question.model.streams
    seconds = timing.total_s - timing.first_s if streams else timing.total_s
    if seconds <= 0.05:
        return f"{tokens} tokens"
    return f"{tokens / seconds:,.0f} tokens a second, {tokens} in all"
