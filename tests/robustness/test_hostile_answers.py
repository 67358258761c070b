"""Answers from strangers: a model's words are words in every place where they appear, in a real browser and in files.

A payload that runs sets `ran`; one that is fetched asks for an address with “evil” in it. Both are looked for after
each place, with dialogs, faults of the page's scripts, and any request to another host.
"""

import csv
import io
import json
import os
import time
import unittest
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch
from urllib.parse import urlsplit
from xml.etree import ElementTree

from tests.support.hostile_text import END, WORDS, crowd
from tests.support.hostile_visits import PLACES
from tests.support.paths import ASSETS
from tests.support.rows import Row
from tests.support.wire import Wire
from tests.support.wire import replies as say
from vlm_backends import NVIDIA, Answer, Picture, Prompt, Region, Turn, ask, find_model, read
from vlm_backends.media import exports
from vlm_backends.reply import MAX_CHARACTERS, MAX_REGIONS

KEY = "nvapi-canary-9876543210"
LLAMA, KOSMOS, DEPLOT, FLORENCE = (
    "llama-3.2-11b-vision-instruct",
    "kosmos-2",
    "deplot",
    "florence-2",
)
_SECONDS = 60_000  # for a slow machine


def rows(short: bool) -> Iterator[Row]:
    """Each payload in each kind of component, then all of them in each place of the real page, in files, and too much."""
    from tests.support.chromium import CHROMIUM

    if not CHROMIUM:
        raise unittest.SkipTest("Chromium is not installed: apt-get install chromium")
    with ThreadPoolExecutor(1) as pool:  # Playwright keeps a loop in its thread
        yield from pool.submit(lambda: [_rendered(), _shown()]).result()
    yield _kept()
    yield _bounded(short)


class Watch:
    """A browser's page that notes whatever ran, was fetched from elsewhere, or went wrong."""

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
        """What leaked until now."""
        self.page.wait_for_timeout(300)
        if self.page.evaluate("typeof ran !== 'undefined'"):
            self.leaks.append("ran")
        if urlsplit(self.page.url).netloc != urlsplit(self.address).netloc:
            self.leaks.append(f"left for {self.page.url}")
        return self.leaks


@contextmanager
def _browser(page: object, **options: object) -> Iterator[Watch]:
    """The launched page in a Chromium of its own."""
    from playwright.sync_api import sync_playwright

    from tests.support.chromium import ARGUMENTS as _QUIET
    from tests.support.chromium import CHROMIUM

    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, **options)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
            yield Watch(
                browser.new_context(
                    accept_downloads=True, viewport={"width": 1400, "height": 1000}
                ),
                address,
            )
            browser.close()
    finally:
        page.close()


def _rendered() -> Row:
    """Every payload in a bubble, in a Markdown field and letter for letter, all on one page."""
    import gradio as gr

    from ui.core.markdown import as_markdown, verbatim

    shown = [as_markdown(Answer(words)) for words in WORDS]
    with gr.Blocks() as page:
        gr.Chatbot([{"role": "assistant", "content": words} for words in shown])
        for words, text in zip(WORDS, shown):
            gr.Markdown(text, line_breaks=True)
            gr.Markdown(verbatim(words))
        gr.Markdown(END, elem_id="end")
    with _browser(page) as watch:
        watch.page.goto(watch.address)
        watch.page.locator("#end").get_by_text(END).wait_for()
        watch.page.wait_for_timeout(1500)
        leaks = watch.settled()
    tried = 3 * len(WORDS)
    return Row(
        "a payload in a bubble, a field, a notice: nothing runs, nothing is fetched",
        tried,
        tried,
        len(leaks),
        "; ".join(leaks),
    )


def _shown() -> Row:
    """All payloads at once in each place of the real page, said by a server that speaks NVIDIA's wire."""
    import ui
    from vlm_backends.engines import openai

    with (
        Wire() as wire,
        patch.dict(os.environ, NVIDIA_BASE_URL=wire.url, VLM_BASE_URL=f"{wire.url}/v1"),
    ):
        openai.clear_cache()
        wire.scripts["models"] += [
            say.json_body(
                {
                    "data": [{"id": words[:200], "state": words} for words in WORDS[:60:7]]
                    + [
                        {
                            "id": "microsoft/florence-2",
                            "state": WORDS[2],
                            "tasks": {"<OCR_WITH_REGION>": f"{WORDS[2]} {WORDS[36]}"},
                        }
                    ]
                }
            )
        ] * 9
        page = ui.build(NVIDIA(KEY, wire.url))
        lost = []
        with _browser(page, **ui.settings()) as watch:
            for name, visit in PLACES.items():
                wire.script.clear()
                try:
                    visit(watch.page, watch.address, wire)
                except Exception as fault:
                    lost.append(f"{name}: {str(fault).splitlines()[0][:200]}")
                watch.leaks[:] = [
                    leak if ": " in leak and leak.split(": ")[0] in PLACES else f"{name}: {leak}"
                    for leak in watch.settled()
                ]
    openai.clear_cache()
    remark = "; ".join([", ".join(PLACES), *lost, *watch.leaks])
    return Row(
        "a place of the page: words stay words, and the page stays usable",
        len(PLACES),
        len(PLACES) - len(lost),
        len(watch.leaks),
        remark,
    )


def _kept() -> Row:
    """Every payload as label, word, cell and turn in each form that can be taken away."""
    lost, picture = [], read((ASSETS / "sign.jpg").read_bytes())
    corners = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
    for words in WORDS:
        answer = Answer(words, (Region(words, corners),))
        table = Answer(words, rows=((words, "n"), ("a", words)))
        faults = [*_in_svg(exports.as_svg(picture, answer.regions, plain=True)), *_formulas(exports.as_csv(answer, picture)),
                  *_formulas(exports.as_csv(table, None)), *_in_zip(picture, words)]  # fmt: skip
        json.dumps(exports.as_coco([(words, picture, answer.regions)])).encode()
        lost += [f"{words[:40]!r}: {fault}" for fault in faults[:1]]
    return Row(
        "a payload in a file to take away: no script, no address, no formula",
        len(WORDS),
        len(WORDS) - len(lost),
        remark="; ".join(lost),
    )


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
    """The cells that a spreadsheet would compute."""
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


def _bounded(short: bool) -> Row:
    """Too much of everything, through the wire: the answer is cut with a sentence that says so, in little time."""
    count = 50_000 if short else 100_000
    cells = "| " * 30_000 + "<0x0A>" + "a <0x0A>" * 9_000
    cases = {
        f"{count:,} regions": (LLAMA, say.sse([{"choices": [{"index": 0, "delta": {"content": "x", "entities": crowd(count)}}]}]), f"{count:,} places"),
        "a line of 7 MB": (LLAMA, say.sse(["x" * 7_000_000]), "broken off"), "a line of 10 MB": (LLAMA, say.sse(["x" * 10_000_000]), "too long"),
        "100,000 characters in 50,000 pieces": (LLAMA, say.sse(["xy"] * 51_000), "broken off"),
        "a table as wide as long": (DEPLOT, say.sse([cells]), ""), "a body of lists": (KOSMOS, say.status(200, b"[" + b"[]," * 6_000_000 + b"[]]", "application/json"), "too long"),
        "a million marks": (DEPLOT, say.sse(["-" * 90_000 + "x|"]), ""), "no mark in 90,000 letters": (FLORENCE, say.zipped({"1.response": say.whole_reply("a" * 90_000)}), ""),
    }  # fmt: skip
    if not short:
        many = {"delta": {"content": "x", "entities": crowd(200_000)}, "index": 0}
        cases["200,000 regions"] = LLAMA, say.sse([{"choices": [many]}]), "too long"
    lost, slowest = [], (0.0, "")
    with Wire() as wire:
        for name, (model, reply, said) in cases.items():
            if short and "pieces" in name:
                continue
            wire.script.append(reply)
            begun = time.process_time()
            told = _told(wire, model)
            slowest = max(slowest, (time.process_time() - begun, name))
            if said not in told:
                lost.append(f"{name}: {told[:100]}")
    tried = len(cases) - short
    return Row(
        "too much of everything: cut, and a sentence says so",
        tried,
        tried - len(lost),
        remark="; ".join([f"slowest {slowest[0]:.1f} s ({slowest[1]})", *lost]),
    )


def _told(wire: Wire, name: str) -> str:
    """The note of the answer, or the sentence that came instead."""
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
