"""Hostile answers: a model's words stay plain text in every place where they appear, in a browser and in files.

A payload that runs sets `ran`; one that is fetched asks for an address with “evil” in it. Both are looked for after
each place, with dialogs, faults of the page's scripts, and any request to another host.
"""

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch
from urllib.parse import urlsplit
from xml.etree import ElementTree

import gradio as gr
import pytest

import ui
from tests.support.hostile_text import END, WORDS, crowd
from tests.support.hostile_visits import PLACES
from tests.support.paths import ASSETS
from tests.support.ports import launch_page
from tests.support.wire import Wire
from tests.support.wire import replies as say
from ui.core.markdown import as_markdown, verbatim
from vlm_backends import NVIDIA, Answer, Picture, Prompt, Region, Turn, ask, find_model, read
from vlm_backends.engines import openai
from vlm_backends.media import exports
from vlm_backends.reply import MAX_CHARACTERS, MAX_REGIONS

pytestmark = pytest.mark.filterwarnings("ignore")
KEY = "nvapi-canary-9876543210"
LLAMA, KOSMOS, DEPLOT, FLORENCE = (
    "llama-3.2-11b-vision-instruct",
    "kosmos-2",
    "deplot",
    "florence-2",
)
SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
_SECONDS = 60_000  # for a slow machine


class Watch:
    """A browser's page that records scripts that ran, requests to other hosts, and errors."""

    def __init__(self, context: object, address: str) -> None:
        self.address, self.leaks = address, []
        self.page = context.new_page()
        self.page.set_default_timeout(_SECONDS)
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on(
            "dialog",
            lambda dialog: (self.leaks.append(f"dialog {dialog.message}"), dialog.dismiss()),
        )
        self.page.on("pageerror", lambda error: self.leaks.append(f"fault: {str(error)[:120]}"))
        self.page.on("popup", lambda popup: self.leaks.append(f"popup {popup.url}"))

    def _note(self, url: str) -> None:
        if "evil" in url.partition("?")[0] or not url.startswith((self.address, "data:", "blob:")):
            self.leaks.append(f"fetched {url[:120]}")

    def settled(self) -> list[str]:
        """Return what leaked until now."""
        self.page.wait_for_timeout(300)
        if self.page.evaluate("typeof ran !== 'undefined'"):
            self.leaks.append("ran")
        if urlsplit(self.page.url).netloc != urlsplit(self.address).netloc:
            self.leaks.append(f"left for {self.page.url}")
        return self.leaks


@pytest.fixture(autouse=True)
def _clean_environment() -> None:
    """Let the settings of the page stay as long as it runs."""


@pytest.fixture
def opened(browser):
    """Launch a page, and open it in a context of its own."""
    with ExitStack() as stack:
        yield lambda page, **options: stack.enter_context(_opened(browser, page, **options))


@contextmanager
def _opened(browser: object, page: object, **options: object) -> Iterator[Watch]:
    address = launch_page(page, **options)
    context = browser.new_context(accept_downloads=True, viewport={"width": 1400, "height": 1000})
    try:
        yield Watch(context, address)
    finally:
        context.close()
        page.close()


@pytest.mark.browser
def test_a_payload_in_a_bubble_a_field_and_a_notice_runs_and_fetches_nothing(opened):
    shown = [as_markdown(Answer(words)) for words in WORDS]
    with gr.Blocks() as page:
        gr.Chatbot([{"role": "assistant", "content": words} for words in shown])
        for words, text in zip(WORDS, shown):
            gr.Markdown(text, line_breaks=True)
            gr.Markdown(verbatim(words))
        gr.Markdown(END, elem_id="end")
    watch = opened(page)
    watch.page.goto(watch.address)
    watch.page.locator("#end").get_by_text(END).wait_for()
    watch.page.wait_for_timeout(1500)
    assert watch.settled() == []


@pytest.fixture(scope="module")
def service() -> Iterator[Wire]:
    """Yield a local server that plays NVIDIA's API, and lists models with hostile names."""
    state = {"id": "microsoft/florence-2", "state": WORDS[2]}
    tasks = {"tasks": {"<OCR_WITH_REGION>": f"{WORDS[2]} {WORDS[36]}"}}
    models = [{"id": words[:200], "state": words} for words in WORDS[:60:7]]
    with Wire() as wire:
        listed = say.json_body({"data": [*models, state | tasks]})
        wire.scripts["models"] += [listed] * 9 * len(PLACES)
        yield wire


@pytest.fixture(scope="module")
def watch(browser, service) -> Iterator[Watch]:
    """Yield the page that asks this server, opened in a browser."""
    env = {"NVIDIA_BASE_URL": service.url, "VLM_BASE_URL": f"{service.url}/v1"}
    with patch.dict(os.environ, env):
        openai.clear_cache()
        page = ui.build(NVIDIA(KEY, service.url))
        with _opened(browser, page, **ui.settings()) as watch:
            yield watch


@pytest.mark.browser
@pytest.mark.parametrize("place", PLACES)
def test_words_stay_words_in_each_place_of_the_page_and_it_stays_usable(watch, service, place):
    service.script.clear()
    watch.leaks.clear()
    PLACES[place](watch.page, watch.address, service)
    assert watch.settled() == []


@pytest.mark.parametrize("words", WORDS, ids=range(len(WORDS)))
def test_a_payload_in_a_file_is_no_script_no_address_and_no_formula(words):
    picture = read((ASSETS / "sign.jpg").read_bytes())
    answer = Answer(words, (Region(words, SQUARE),))
    table = Answer(words, rows=((words, "n"), ("a", words)))
    assert not [*_in_svg(exports.as_svg(picture, answer.regions, plain=True))]
    assert not _formulas(exports.as_csv(answer, picture))
    assert not _formulas(exports.as_csv(table, None))
    assert not [*_in_zip(picture, words)]
    assert json.dumps(exports.as_coco([(words, picture, answer.regions)])).encode()


def _entities(count: int) -> say.Reply:
    delta = {"content": "x", "entities": crowd(count)}
    return say.sse([{"choices": [{"index": 0, "delta": delta}]}])


CELLS = "| " * 30_000 + "<0x0A>" + "a <0x0A>" * 9_000
LISTS = b"[" + b"[]," * 6_000_000 + b"[]]"
TOO_MUCH = {  # the model, its reply, and what the note or the sentence says
    "50,000 regions": (LLAMA, lambda: _entities(50_000), "50,000 places"),
    "a line of 7 MB": (LLAMA, lambda: say.sse(["x" * 7_000_000]), "broken off"),
    "a line of 10 MB": (LLAMA, lambda: say.sse(["x" * 10_000_000]), "too long"),
    "a table as wide as long": (DEPLOT, lambda: say.sse([CELLS]), ""),
    "a body of lists": (KOSMOS, lambda: say.status(200, LISTS, "application/json"), "too long"),
    "a million marks": (DEPLOT, lambda: say.sse(["-" * 90_000 + "x|"]), ""),
    "no mark in 90,000 letters": (
        FLORENCE,
        lambda: say.zipped({"1.response": say.whole_reply("a" * 90_000)}),
        "",
    ),
}
MUCH_MORE = {  # in the long form
    "100,000 regions": (LLAMA, lambda: _entities(100_000), "100,000 places"),
    "100,000 characters in 50,000 pieces": (
        LLAMA,
        lambda: say.sse(["xy"] * 51_000),
        "broken off",
    ),
    "200,000 regions": (LLAMA, lambda: _entities(200_000), "too long"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try more in the long form."""
    if "said" in metafunc.fixturenames:
        cases = TOO_MUCH | (MUCH_MORE if metafunc.config.getoption("--long") else {})
        metafunc.parametrize("model, reply, said", cases.values(), ids=cases)


def test_too_much_of_everything_is_cut_and_a_sentence_says_so(wire, model, reply, said):
    wire.script.append(reply())
    assert said in _note_or_error(wire, model)


def _in_svg(text: str) -> Iterator[str]:
    for node in ElementTree.fromstring(text).iter():
        if node.tag.rpartition("}")[2] not in (
            "svg",
            "g",
            "rect",
            "polygon",
            "title",
            "text",
            "image",
        ):
            yield f"an element {node.tag}"
        if any(
            name.startswith("on") or name.endswith("href") and not value.startswith("data:")
            for name, value in node.attrib.items()
        ):
            yield f"an attribute of {node.tag}"


def _formulas(text: str) -> list[str]:
    """Return the cells that a spreadsheet would compute."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    return [
        cell
        for cell in cells
        if cell[:1] in ("\t", "\r", "\n")
        or cell.lstrip()[:1] in tuple("=@＝＋－＠+-")
        and not _is_number(cell)
    ]


def _is_number(cell: str) -> bool:
    try:
        return float(cell.replace(",", "").rstrip("%")) is not None
    except ValueError:
        return False


def _in_zip(picture: Picture, words: str) -> Iterator[str]:
    from markdown_it import MarkdownIt

    data = exports.as_conversation(
        words, [Turn("user", words, (picture,)), Turn("assistant", words)]
    )
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        if any(name.startswith(("/", "..")) or "\\" in name for name in bundle.namelist()):
            yield "a name that leads out"
        tokens = MarkdownIt("commonmark", {"html": True}).parse(
            bundle.read("conversation.md").decode()
        )
    for token in [*tokens, *(child for parent in tokens for child in parent.children or ())]:
        outside = token.type == "image" and not token.attrs["src"].startswith("pictures/")
        if outside or token.type in ("html_block", "html_inline", "link_open"):
            yield f"{token.type} in the Markdown"


def _note_or_error(wire: Wire, name: str) -> str:
    """Return the note of the answer, or the sentence of the error."""
    from vlm_backends import VLMError, find_task

    model = next(
        find_model(id)
        for id in (f"meta/{name}", f"microsoft/{name}", f"google/{name}")
        if _known(id)
    )
    task = find_task("<OCR_WITH_REGION>") if model.tasks else None
    picture = read(
        (
            ASSETS / "icon.png" if (ASSETS / "icon.png").exists() else ASSETS / "chart.png"
        ).read_bytes()
    )
    note = ""
    try:
        for answer in ask(
            NVIDIA(KEY, wire.url),
            model,
            Prompt((Turn("user", task.token if task else "Who?", (picture,)),), model.sampling),
            task,
        ):
            note = answer.note
            assert len(answer.text) <= 5 * MAX_CHARACTERS and len(answer.regions) <= MAX_REGIONS
        return note
    except VLMError as error:
        return str(error)


def _known(id: str) -> bool:
    from vlm_backends import CATALOGUE

    return any(model.id == id for model in CATALOGUE)
