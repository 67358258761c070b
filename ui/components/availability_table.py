"""Which models answer: a table of models and engines, its summary, and what would make the others answer.

It is drawn from what is known already; a server of one's own is asked for its list, at most once a minute. Only the
button “Check now” asks NVIDIA, and spends nobody's quota.
"""

import time
from html import escape

import gradio as gr
from gradio.events import Dependency

from ui.core.gradio_compat import QUIET
from ui.core.session import EngineRegistry, Visitor
from ui.state.availability import Availability, EngineColumn, columns, summary
from vlm_backends import CATALOGUE, NVIDIA, Engine, Local, Model, OpenAI, VLMError
from vlm_backends.journal import Journal, look

_TITLE = "Which models answer?"
_STEPS = {  # to an answer from NVIDIA, by the model's standing there
    "needs a key": "an NVIDIA key",
    "rate limited": "a little patience",
    "refused": "another key, or try, at NVIDIA",
    "unreachable": "a connection to NVIDIA",
}
_KEY = (
    '<b>An NVIDIA key:</b> make one at <a href="https://build.nvidia.com" target="_blank" rel="noopener">'
    "build.nvidia.com</a> and give it on this page under “Use your own NVIDIA key”. Your pictures then go to NVIDIA."
)
_INSTALL = (
    "<b>Open weights on this machine:</b> <code>pip install -r requirements-local.txt</code>, then start the page with "
    "<code>VLM_ENGINE=local python app.py</code>. A model is fetched when it is first asked, and runs here: your "
    "pictures stay on this machine."
)
_FETCH = (
    "<b>More open weights:</b> start the page with <code>VLM_ENGINE=local</code>, and a model is fetched when it is "
    "first asked; or fetch it yourself with <code>hf download</code>."
)
_GATED = (
    "<b>Gated weights:</b> their publisher wants the licence accepted at huggingface.co first, and "
    "<code>hf auth login</code> on this machine."
)
_SERVER = (
    "<b>A server of your own</b>, such as vLLM, NIM or Ollama: start it, then this page with "
    "<code>VLM_BASE_URL=http://127.0.0.1:8000/v1</code>. The README says how for Phi-3.5 Vision."
)


class Strip:
    """The closed accordion with the table, drawn at load, when the visitor changes, and when it is opened."""

    def __init__(self, registry: EngineRegistry, visitor: gr.State) -> None:
        self.registry, self.visitor = registry, visitor
        with gr.Accordion(_TITLE, open=False, elem_id="strip-box") as self.box:
            self.table = gr.HTML(elem_id="strip", apply_default_css=False)
            self.button = gr.Button("Check now (spends nothing)", size="sm", elem_id="check-models")
        self.outputs = [self.box, self.table]
        gr.on(None, self.show, visitor, self.outputs, **QUIET)  # on load too
        self.box.expand(self.show, visitor, self.outputs, **QUIET)
        self.button.click(self.check, visitor, self.outputs, **QUIET | {"show_progress": "minimal"})

    def after(self, *ends: Dependency) -> None:
        """Drawn again after each of these events, which end calls."""
        for end in ends:
            end.then(self.show, self.visitor, self.outputs, **QUIET)

    def show(self, visitor: Visitor) -> tuple:
        """The values of `outputs`: the summary as the accordion's label, and the table."""
        label, table = strip(self.registry, visitor)
        return gr.Accordion(label=label), table

    def check(self, visitor: Visitor) -> tuple:
        """The same after a look at NVIDIA's list and at the owner's server."""
        try:
            for engine in self.registry.present(visitor):
                look(engine, self.registry.journal)
        except VLMError:  # a setting that cannot be met: the table says so
            pass
        return self.show(visitor)


def strip(
    registry: EngineRegistry,
    visitor: Visitor,
    journal: Journal | None = None,
    now: float | None = None,
) -> tuple[str, str]:
    """The accordion's label, and the table and the advice as escaped HTML; `now` in seconds since 1970."""
    try:
        journal = registry.journal if journal is None else journal
        found = columns(registry.present(visitor), journal, time.time() if now is None else now)
    except VLMError as error:
        return _TITLE, _lead(str(error))
    return f"{_TITLE} {summary(found)}", _drawn(found)


def _drawn(found: list[EngineColumn]) -> str:
    names = ("Model", *(column.name for column in found), "To have it answer")
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(
        _row(model, found, [column.cells[i] for column in found])
        for i, model in enumerate(CATALOGUE)
    )
    return (
        '<div class="strip" tabindex="0" role="region" aria-label="Which models answer, engine by engine"><table>'
        f"<caption>Each model at each engine, as far as it is known now</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>{_advice([column.engine for column in found])}"
    )


def _row(model: Model, found: list[EngineColumn], standings: list[Availability]) -> str:
    cells = "".join(
        f'<td class="{each.tone}"><b>{escape(each.word)}</b> <small>{escape(each.detail)}</small></td>'
        for each in standings
    )
    hosted = next(
        (each for column, each in zip(found, standings) if isinstance(column.engine, NVIDIA)), None
    )
    way = "nothing more" if any(each.tone == "good" for each in standings) else _way(model, hosted)
    return f'<tr><th scope="row">{escape(model.title)}</th>{cells}<td>{escape(way)}</td></tr>'


def _way(model: Model, hosted: Availability | None) -> str:
    """What would make the model answer, the surest first."""
    ways = [_weights(model)] if model.weights else []
    if hosted and hosted.word != "withdrawn":
        step = _STEPS.get(hosted.word, "a question to NVIDIA")
        ways = [step, *ways] if model.hosted.state == "alive" else [*ways, f"perhaps {step}"]
    return ", or ".join(ways) or "nothing that is known"


def _weights(model: Model) -> str:
    weights = model.weights
    facts = ", ".join(
        [weights.id.rpartition("/")[2]] * bool(weights.instead) + ["gated"] * weights.gated
    )
    size = f"{weights.gigabytes:g} GB of open weights" + (f" ({facts})" if facts else "")
    return f"a server with {size}" if weights.served else size


def _advice(engines: list[Engine | None]) -> str:
    """What to do for the engines that are missing, or could do more, in plain words."""
    local, server, host = (
        next((engine for engine in engines if isinstance(engine, kind)), None)
        for kind in (Local, OpenAI, NVIDIA)
    )
    items = [
        _KEY if host and not host.key else "",
        _INSTALL if local is None else "" if local.downloads else _FETCH,
        _GATED,
        _SERVER if server is None else "",
    ]
    steps = "".join(f"<li>{item}</li>" for item in items if item)
    return f'{_lead("To have more of the models answer:")}<ul class="strip-ways">{steps}</ul>'


def _lead(text: str) -> str:
    return f'<p class="strip-lead">{escape(text)}</p>'
