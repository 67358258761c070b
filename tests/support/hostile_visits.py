"""Visits the places of the page that show untrusted words; each visit puts hostile words there and waits for them."""

import re
from collections.abc import Callable

from tests.support.chromium import wait_for_tab
from tests.support.hostile_text import END, ENTITIES, TABLE, TEXT, WORDS, crowd
from tests.support.paths import ASSETS
from tests.support.wire import Wire
from tests.support.wire import replies as say
from vlm_backends.reply import MAX_REGIONS

LLAMA, KOSMOS, DEPLOT, FLORENCE = (
    "llama-3.2-11b-vision-instruct",
    "kosmos-2",
    "deplot",
    "florence-2",
)


_WHO = re.compile("·|Chosen below")  # the header says who answers


def _cut(text: str) -> list[str]:
    return [text[at : at + 700] for at in range(0, len(text), 700)]


def _ask(page: object, address: str, model: str) -> None:
    """Click the first example of a model's tab, which must still work after the visits before."""
    if page.url != f"{address}?model={model}":
        page.goto(f"{address}?model={model}")
    page.locator("#who").get_by_text(_WHO).first.wait_for(state="attached")
    wait_for_tab(page)
    _open(page, "text")
    page.locator(".sample:visible").first.evaluate(
        "example => example.click()"
    )  # the page may still move


def _open(page: object, view: str) -> None:
    """Open a view of the answer."""
    page.locator(f".views:visible [data-view={view}]").evaluate("tab => tab.click()")


def _chat(page: object, address: str, wire: Wire) -> None:
    wire.script.append(say.sse(_cut(TEXT)))
    _ask(page, address, LLAMA)
    page.locator(".conversation:visible .bot").get_by_text(END).wait_for()
    wire.script.append(say.sse([END]))
    box = page.locator(".box:visible textarea")
    box.fill("And now?")
    box.press("Enter")
    page.locator(".conversation:visible .bot").get_by_text(END).nth(1).wait_for()
    menus = page.locator(".outcome:visible .menu summary")
    menus.get_by_text("Conversations").click()
    menus.get_by_text("Export").click()
    for view, words in (("json", END), ("code", "import")):
        _open(page, view)
        page.locator(".listing:visible code").get_by_text(words).first.wait_for()


def _error(page: object, address: str, wire: Wire) -> None:
    wire.script.append(
        say.status(
            400, {"detail": f"<img src=evil onerror=ran=1> ![i](http://evil.example/e.png) {END}"}
        )
    )
    _ask(page, address, LLAMA)
    page.locator(".conversation:visible .bot").get_by_text("could not use this request").wait_for()


def _regions(page: object, address: str, wire: Wire) -> None:
    wire.script.append(say.json_body(say.whole_reply(TEXT, ENTITIES)))
    _ask(page, address, KOSMOS)
    page.locator(".viewer:visible polygon").first.wait_for(state="attached")
    page.locator(".viewer:visible polygon").first.focus()
    page.keyboard.press("Enter")
    _open(page, "regions")
    page.locator(".region-list:visible .line").get_by_text(WORDS[0], exact=True).first.wait_for()
    _open(page, "json")
    page.locator(".listing:visible code").get_by_text(END).first.wait_for()


def _long(page: object, address: str, wire: Wire) -> None:
    wire.script.append(say.sse(["x" * 7_000_000]))
    _ask(page, address, LLAMA)
    page.locator(".conversation:visible").get_by_text("was broken off after").wait_for()


def _tasks(page: object, address: str, wire: Wire) -> None:
    wire.script.append(_quads())
    _ask(page, address, FLORENCE)
    page.locator(".linked-words:visible .text").get_by_text(END).wait_for()
    page.locator("#result polygon").first.wait_for(state="attached")
    _open(page, "regions")
    page.locator(".region-list:visible .line").get_by_text(WORDS[0], exact=True).first.wait_for()


def _failing(page: object, address: str, wire: Wire) -> None:
    wire.script.append(say.status(400, {"detail": f"{WORDS[2]} {WORDS[36]} {END}"}))
    _ask(page, address, FLORENCE)
    page.locator("#task-notice").get_by_text("could not use this request").wait_for()


def _table(page: object, address: str, wire: Wire) -> None:
    wire.script.append(say.sse(_cut(TABLE)))
    _ask(page, address, DEPLOT)
    _open(page, "table")
    page.locator(".grid:visible").get_by_text(WORDS[0], exact=True).first.wait_for()
    page.locator(".again:visible").locator("svg, canvas").first.wait_for()
    page.locator(".chart:visible .files button", has_text="CSV").first.click()


def _served(page: object, address: str, wire: Wire) -> None:
    page.goto(address)
    page.get_by_role("tab", name=WORDS[35]).first.wait_for(state="attached")
    page.get_by_role("tab", name=WORDS[35]).first.evaluate("tab => tab.click()")
    page.locator(".model-line:visible").get_by_text(WORDS[35]).first.wait_for()
    page.locator(".model-line:visible summary").click()


def _crowded(page: object, address: str, wire: Wire) -> None:
    wire.script.append(say.json_body(say.whole_reply("many", crowd(100_000))))
    _ask(page, address, KOSMOS)
    page.wait_for_function(
        f"document.querySelectorAll('#view-{KOSMOS} polygon').length === {MAX_REGIONS}"
    )
    page.get_by_text("100,000 places").first.wait_for(state="attached")
    page.locator(".viewer:visible polygon").last.focus()
    page.keyboard.press("Enter")


def _quads() -> say.Reply:
    quads = {"quad_boxes": [[9, 9, 90, 9, 90, 60, 9, 60]] * len(WORDS), "labels": [*WORDS]}
    return say.zipped({"1.response": say.whole_reply(TEXT, quads)})


def _states(page: object, address: str, wire: Wire) -> None:
    page.goto(address)
    page.locator("#who").click()
    page.get_by_text("Which models answer?").first.click()
    page.locator(".availability td").first.wait_for()


def _compare(page: object, address: str, wire: Wire) -> None:
    page.goto(address)
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare-viewer input[type=file] >> nth=0").set_input_files(ASSETS / "sign.jpg")
    page.locator("#compare-models input").first.wait_for()
    asked = "Llama 3.2 Vision · NVIDIA", "Kosmos-2 · NVIDIA"
    for label in page.locator("#compare-models label").all():
        label.locator("input").set_checked(any(name in label.inner_text() for name in asked))
    wire.script += [say.json_body(say.whole_reply(TEXT, ENTITIES))] * 2
    page.locator("#run-compare").click()
    for name in asked:
        page.locator(".block.compared", has_text=name).get_by_text(END).first.wait_for()
    page.locator("#compare-viewer polygon").first.wait_for(state="attached")


def _batch(page: object, address: str, wire: Wire) -> None:
    """Run a batch of two pictures whose names and answers are hostile."""
    page.goto(address)
    page.get_by_role("tab", name="Batch").click()
    named = {
        "sign.jpg": "<img src=evil onerror=ran=1>.jpg",
        "coffee.jpg": '=HYPERLINK("http:evil.example").jpg',
    }
    files = [
        {"name": name, "mimeType": "image/jpeg", "buffer": (ASSETS / file).read_bytes()}
        for file, name in named.items()
    ]
    page.locator("#batch-files input[type=file]").set_input_files(files)
    page.locator("#batch-files .file-preview tr, #batch-files .file").nth(1).wait_for()
    wire.script += [_quads()] * 2
    page.locator("#batch-start").click()
    page.locator("#batch-status [role=status]").get_by_text("2 of 2 done").wait_for()
    page.locator(".batch-grid li").get_by_text(WORDS[0]).nth(1).wait_for()
    with page.expect_download():
        page.locator("#batch-download").click()


def _present(page: object, address: str, wire: Wire) -> None:
    wire.script.append(_quads())
    page.goto(f"{address}?present=1")
    page.locator("#who").get_by_text(_WHO).first.wait_for(state="attached")
    page.locator(".presenter button", has_text="Next").click()
    page.locator(".linked-words:visible .text").get_by_text(END).wait_for()


PLACES: dict[str, Callable] = {  # those of one tab follow each other
    "a server's own models": _served, "chat, code and JSON": _chat, "an error in the chat": _error, "a line of 7 MB": _long,
    "regions and their names": _regions, "100,000 regions": _crowded, "a task": _tasks, "a task's error": _failing,
    "a table and its chart": _table, "who answers": _states, "a comparison": _compare, "a batch": _batch, "a presentation": _present,
}  # fmt: skip
