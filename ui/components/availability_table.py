"""Shows which models answer: a table of models and engines, a summary, and how to get more models.

The table is drawn from what is known already; the owner's servers are asked for their lists, at
most once a minute. Only the button “Check now” asks NVIDIA, and it uses up no quota.
"""

import time
from html import escape
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ui.core.events import QUIET
from ui.core.session import EngineRegistry, Visitor
from ui.state.availability import Availability, EngineColumn, columns, summary
from vlm_backends import CATALOGUE, Engine, Model, VLMError
from vlm_backends.journal import look

# A look at a list in the network takes a second or more.
_CHECKING: dict[str, Any] = QUIET | {"show_progress": "minimal"}
_TITLE = "Which models answer?"
_STEPS = {  # what an answer from NVIDIA still needs, by the model's availability there
    "needs a key": "an NVIDIA key",
    "rate limited": "a minute of waiting",
    "refused": "another key, or try, at NVIDIA",
    "unreachable": "a connection to NVIDIA",
}
_ADVICE = {  # by what is missing: a kind of engine, or something that an engine needs
    "key": '<b>An NVIDIA key:</b> make one at <a href="https://build.nvidia.com" target="_blank" '
    'rel="noopener">build.nvidia.com</a> and give it on this page by “Add key”. '
    "Your pictures then go to NVIDIA.",
    "local": "<b>Open weights on this machine:</b> <code>pip install -r requirements-local.txt"
    "</code>, then start the page with <code>VLM_ENGINE=local python app.py</code>. A model is "
    "fetched when it is first asked, and runs here: your pictures stay on this machine.",
    "weights": "<b>More open weights:</b> start the page with <code>VLM_ENGINE=local</code>, and a "
    "model is fetched when it is first asked; or fetch it yourself with <code>hf download</code>.",
    "licence": "<b>Weights with a licence to accept:</b> accept it at huggingface.co, then "
    "<code>hf auth login</code> on this machine.",
    "openai": "<b>A server of your own</b>, such as vLLM, NIM or Ollama: start it, then this page "
    "with <code>VLM_BASE_URL=http://127.0.0.1:8000/v1</code>. The README says how for Phi-3.5 "
    "Vision.",
}


class AvailabilityTable:
    """The closed accordion with the table.

    It is drawn at load, when the visitor changes, and when it is opened.
    """

    def __init__(self, registry: EngineRegistry, visitor: gr.State) -> None:
        self.registry, self.visitor = registry, visitor
        with gr.Accordion(_TITLE, open=False, elem_id="availability-box") as self.box:
            self.table = gr.HTML(elem_id="availability", apply_default_css=False)
            self.button = gr.Button("Check now (spends nothing)", size="sm", elem_id="check-models")
        self.outputs = [self.box, self.table]
        gr.on(None, self.show, visitor, self.outputs, **QUIET)  # on load too
        self.box.expand(self.show, visitor, self.outputs, **QUIET)
        self.button.click(self.check, visitor, self.outputs, **_CHECKING)

    def redraw_after(self, *ends: Dependency) -> None:
        """Draw the table again after each of these events, the ends of questions."""
        for end in ends:
            end.then(self.show, self.visitor, self.outputs, **QUIET)

    def show(self, visitor: Visitor) -> tuple[gr.Accordion, str]:
        """Return the values of `outputs`: the summary as the accordion's label, and the table."""
        label, table = availability_html(self.registry, visitor)
        return gr.Accordion(label=label), table

    def check(self, visitor: Visitor) -> tuple[gr.Accordion, str]:
        """Look at the lists of NVIDIA and the owner's servers; return the values of `outputs`."""
        try:
            for engine in self.registry.engines_for(visitor):
                look(engine, self.registry.journal)
        except VLMError:  # a setting that cannot be met: the table says so
            pass
        return self.show(visitor)


def availability_html(
    registry: EngineRegistry, visitor: Visitor, now: float | None = None
) -> tuple[str, str]:
    """Return the accordion's label, and the table with advice as escaped HTML.

    `now` is in seconds since 1970, by default the time of the call.
    """
    try:
        engines = registry.engines_for(visitor)
        found = columns(engines, registry.journal, time.time() if now is None else now)
    except VLMError as error:
        return _TITLE, _paragraph(str(error))
    return f"{_TITLE} {summary(found)}", _table(found) + _advice(engines)


def _table(found: list[EngineColumn]) -> str:
    names = ("Model", *(column.name for column in found), "To have it answer")
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_row(model, found, i) for i, model in enumerate(CATALOGUE))
    return (
        '<div class="availability" tabindex="0" role="region" '
        'aria-label="Which models answer, engine by engine"><table>'
        "<caption>Each model at each engine, as far as it is known now</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(model: Model, found: list[EngineColumn], index: int) -> str:
    cells = [column.cells[index] for column in found]
    drawn = "".join(map(_cell, cells))
    hosted = next((each for column, each in zip(found, cells) if _takes_key(column.engine)), None)
    answers = any(each.tone == "good" for each in cells)
    way = "nothing more" if answers else _way_to_answer(model, hosted)
    return f'<tr><th scope="row">{escape(model.title)}</th>{drawn}<td>{escape(way)}</td></tr>'


def _cell(cell: Availability) -> str:
    word, detail = escape(cell.word), escape(cell.detail)
    return f'<td class="{cell.tone}"><b>{word}</b> <small>{detail}</small></td>'


def _takes_key(engine: Engine | None) -> bool:
    return engine is not None and engine.traits.takes_key


def _way_to_answer(model: Model, hosted: Availability | None) -> str:
    """Say what would make the model answer, the surest way first."""
    ways = [_weights(model)] if model.weights else []
    if hosted and hosted.word != "withdrawn":
        step = _STEPS.get(hosted.word, "a question to NVIDIA")
        proven = model.hosted and model.hosted.state == "alive"
        ways = [step, *ways] if proven else [*ways, f"perhaps {step}"]
    return ", or ".join(ways) or "nothing that is known"


def _weights(model: Model) -> str:
    weights = model.weights
    if weights is None:
        return ""
    facts = [weights.id.rpartition("/")[2]] if weights.instead else []
    facts += ["licence to accept"] if weights.gated else []
    size = f"{weights.gigabytes:g} GB of open weights" + (f" ({', '.join(facts)})" if facts else "")
    return f"a server with {size}" if weights.served else size


def _advice(engines: tuple[Engine, ...]) -> str:
    """Say what to do about the engines that are missing, or that could do more."""
    kinds = {engine.traits.kind for engine in engines}
    needs = {engine.capability(model).needs for engine in engines for model in CATALOGUE}
    missing = needs | {"licence"} | ({"local", "openai"} - kinds)
    items = "".join(f"<li>{text}</li>" for need, text in _ADVICE.items() if need in missing)
    lead = _paragraph("To have more of the models answer:")
    return f'{lead}<ul class="availability-advice">{items}</ul>'


def _paragraph(text: str) -> str:
    return f'<p class="availability-lead">{escape(text)}</p>'
