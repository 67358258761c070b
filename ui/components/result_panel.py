"""What belongs to the last answer beside its picture: how it travelled, its call as code, files to take away."""

import json
from collections.abc import Callable
from functools import partial
from html import escape
from uuid import uuid4

import gradio as gr
from gradio.events import Dependency

from ui.core.gradio_compat import QUIET, posted
from ui.core.storage import store_file
from ui.state.conversation import Conversation
from ui.state.replies import Result
from ui.state.task_run import TaskRun
from vlm_backends import BadPrompt, Model, VLMError, snippets
from vlm_backends.media.exports import FORMATS, as_conversation

_UNASKED = "<p>Ask something first: the call that was made and its answer stand here then.</p>"
_json = partial(json.dumps, ensure_ascii=False)
_COPIES = "showcase.copies(element)"
_SHELF = '<div class="files" role="group" aria-label="Take it away">{}<span class="said" role="status"></span></div>'
_BUTTON = '<button type="button" data-format="{0}">{0}</button>'


def shelf(formats: list[str]) -> gr.HTML:
    """A row of buttons, one a format; its event `take` names the one that is wanted, its value is the file."""
    return gr.HTML(
        html_template=_SHELF.format("".join(map(_BUTTON.format, formats))),
        js_on_load="showcase.files(element, props, watch, (data) => trigger('take', data))",
        apply_default_css=False,
    )


def after(stream: Dependency, act: Callable, inputs: object, outputs: list) -> list[Dependency]:
    """What ends a stream, also one that failed: Gradio's `then` follows none that did."""
    acted = posted(act, outputs)
    return [
        event(acted, inputs, outputs, postprocess=False, **QUIET)
        for event in (stream.then, stream.failure)
    ]


class Outcome:
    """The parts, wired to the record that `state` holds (a Conversation or a TaskRun); its `ledger` is filled by ledger()."""

    def __init__(self, model: Model, state: gr.State, conversation: bool) -> None:
        self.model = model
        self.ledger = gr.HTML(
            elem_classes="sent",
            js_on_load="showcase.follows(element, watch, () => trigger('look'))",
        )
        formats = [
            *FORMATS,
            "JSON",
            *(["Conversation"] if conversation else []),
            "Picture as sent",
            "Link",
        ]
        with gr.Accordion("Take it away", open=False):
            self.files = shelf(formats)
        with gr.Accordion("View code: the call that was made", open=False) as unfolded:
            with gr.Tab("Python"):
                python = gr.HTML(js_on_load=_COPIES)
            with gr.Tab("Shell"):
                shell = gr.HTML(js_on_load=_COPIES)
        with gr.Accordion("The answer as JSON", open=False) as opened:
            answer = gr.HTML(js_on_load=_COPIES)
        for look in (
            unfolded.expand,
            opened.expand,
            self.ledger.look,
        ):  # the last after an answer, while one is open
            look(written, state, [python, shell, answer], **QUIET)
        self.files.take(self.take, state, self.files, **QUIET)

    def take(self, state: Conversation | TaskRun, event: gr.EventData) -> dict:
        """The file that was asked for, or a sentence why there is none."""
        try:
            return self._taken(state, str(getattr(event, "format", "")))
        except VLMError as error:
            return {"said": str(error), "turn": uuid4().hex}

    def _taken(self, state: Conversation | TaskRun, format: str) -> dict:
        result, name = state.result, self.model.id.rpartition("/")[2]
        if format == "Link":
            return {"link": f"?{state.link(self.model)}", "turn": uuid4().hex}
        if format == "Conversation" and isinstance(state, Conversation) and state.turns:
            return file(
                f"{name}.zip", as_conversation(f"A talk with {self.model.title}", state.turns)
            )
        if result is None or result.picture is None:
            raise BadPrompt("There is nothing to take yet: ask something first.")
        if format == "JSON":
            return file(f"{name}.json", _lined(result.to_dict()).encode())
        if format == "Picture as sent":
            as_read, picture = _code(result).files[-1]
            return file(as_read, picture.data)
        if format not in FORMATS:
            raise BadPrompt("This form is not known here.")
        extension, _, write = FORMATS[format]
        kind = "" if format.lower() == extension else f"-{format.lower()}"
        return file(f"{name}{kind}.{extension}", write(result.picture, result.answer))


def written(state: Conversation | TaskRun) -> tuple[str, str, str]:
    """The last call as Python and as shell, and its answer as JSON, each as HTML to read and to copy."""
    result = state.result
    if result is None:
        return (_UNASKED,) * 3
    answer = _listing("The answer as JSON", _lined(result.to_dict()))
    try:
        code = _code(result)
    except VLMError as error:  # its picture is gone
        return *[f"<p>{escape(str(error))}</p>"] * 2, answer
    return (
        _listing("The call in Python", code.python),
        _listing("The call in shell", code.shell),
        answer,
    )


def _lined(answer: dict) -> str:
    """The JSON with a line for each field, and one for each member of a list."""
    return (
        "{\n"
        + ",\n".join(f" {_json(name)}: {_members(value)}" for name, value in answer.items())
        + "\n}"
    )


def _members(value: object) -> str:
    return (
        "[\n  " + ",\n  ".join(map(_json, value)) + "\n ]"
        if value and isinstance(value, list)
        else _json(value)
    )


def _listing(title: str, text: str) -> str:
    return (
        f'<div class="listing"><button type="button" data-copy>Copy</button><span role="status"></span>'
        f'<pre tabindex="0" role="region" aria-label="{title}"><code>{escape(text)}</code></pre></div>'
    )


def _code(result: Result) -> snippets.Code:
    question = result.question
    return snippets.code(
        result.engine, question.model, question.prompt, question.task, result.answer.sent
    )


def ledger(result: Result | None) -> str:
    """Who answered, the picture as it was sent, and how long it took, as a list in HTML."""
    if result is None:
        return ""
    answer, timing = result.answer, result.timing
    facts = [("Engine", result.engine.name), ("Picture", _travelled(result))]
    if timing.first_s is not None:
        facts += [
            ("First words", f"{timing.first_s:.2f} s"),
            ("All of it", f"{timing.total_s:.2f} s"),
        ]
    facts.append(("Speed", _speed(result)))
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value
    )
    note = f"<p>{escape(answer.note)}</p>" if answer.note else ""
    return f'<dl class="ledger">{items}</dl>{note}'


def _travelled(result: Result) -> str:
    """The picture as it was given, and as it went."""
    given, sent = result.picture, result.answer.sent
    if not given or not sent:
        return ""
    was = _described(given.mime, given.width, given.height, len(given.data))
    if sent.way is None:
        return f"{was}, stayed on this machine"
    way = "in the request" if sent.way == "inline" else "by NVIDIA's asset store"
    went = _described(sent.mime, sent.width, sent.height, sent.bytes)
    return f"{was}, sent unchanged {way}" if went == was else f"{was} → sent as {went}, {way}"


def _described(mime: str, width: int, height: int, size: int) -> str:
    amount = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
    return f"{width} × {height} {mime.rpartition('/')[2].upper()}, {amount}"


def _speed(result: Result) -> str:
    """Tokens a second where the engine counts them."""
    tokens, timing = result.answer.tokens, result.timing
    if not tokens or timing.first_s is None:
        return ""
    spent = timing.total_s - timing.first_s if result.question.model.streams else timing.total_s
    return (
        f"{tokens / spent:,.0f} tokens a second, {tokens} in all"
        if spent > 0.05
        else f"{tokens} tokens"
    )


def file(name: str, data: bytes) -> dict:
    """The value of a shelf for this file; the browser is told of what differs only."""
    return {"path": store_file(name, data), "name": name, "turn": uuid4().hex}
