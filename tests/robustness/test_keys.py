"""Keys: test keys given in every possible way must not appear in what the page answers, writes or logs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import httpx
import pytest

from tests.support.page_process import Visitor
from tests.support.paths import ASSETS
from tests.support.wire import Wire
from tests.support.wire import replies as say
from ui.state.key_check import TRYING
from vlm_backends.media.exports import FORMATS as EXPORTS

pytestmark = pytest.mark.filterwarnings("ignore")
OWNER, SERVER, HEADER, FIELD = (
    f"nvapi-canary-{name}-7c1e55d0a9" for name in ("owner", "server", "header", "field")
)
KEYS = OWNER, SERVER, HEADER, FIELD
LLAMA = "meta/llama-3.2-11b-vision-instruct"
FORMATS = *EXPORTS, "JSON", "Conversation", "Picture as sent", "Link"
SETTINGS = 512, 1.0, 1.0, None, "", ""  # of a chat
_START = "import logging, runpy; logging.basicConfig(level=0); runpy.run_path('app.py', run_name='__main__')"


@pytest.fixture(scope="module")
def service() -> Iterator[Wire]:
    """Yield a local server that plays NVIDIA's API, and a server with the OpenAI API."""
    with Wire() as wire:
        yield wire


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return the folder where the page writes its files and its log."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def page(service, folder) -> Iterator[tuple[str, subprocess.Popen]]:
    """Yield the URL of a page in a process of its own, with every log on, and that process."""
    with _page(service, folder) as started:
        yield started


@pytest.fixture(scope="module")
def said(page, service) -> list[tuple[str, str]]:
    """Collect all that the page answers, by each way of asking."""
    return list(_said(page[0], service))


def test_no_answer_of_the_page_holds_a_key(said):
    assert said and _holding(said) == []


def test_the_visit_had_an_answer_its_code_and_its_files(said):
    answers = dict(said)
    assert "The key works" in answers["the key is tried"]
    assert "NVIDIA_API_KEY" in answers["the views"]
    for format in ("PNG", "Web page", "JSON", "Conversation", "Picture as sent"):
        assert '"path":' in answers[f"a file, {format}"], format


def test_no_file_holds_a_key_and_no_log_at_debug(said, folder):
    files = [
        (str(path), path.read_bytes().decode("latin-1"))
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert files and _holding(files) == []


def test_no_argument_of_the_process_is_a_key(page):
    arguments = Path(f"/proc/{page[1].pid}/cmdline").read_text()
    assert arguments and _holding([("arguments", arguments)]) == []


def test_each_key_goes_in_its_header_to_its_own_host(said, service):
    seen = list(service.seen)
    used = {each.token for each in seen if each.route == "chat"}
    assert set(KEYS) <= used
    for each in seen:
        assert not _holding([(each.route, f"{each.query} {each.path} {each.body!r}")])
        if each.route in ("upload", "result"):  # the object store
            assert not _holding([(each.route, str(each.headers))])


def test_each_of_nine_visitors_at_once_is_asked_for_with_the_right_key(page, service, long_form):
    keys = {f"visitor-{n}": f"nvapi-canary-mixed-{n}-55aa" if n % 3 else "" for n in range(9)}
    url, rounds, service.window = page[0], 40 if long_form else 3, 0.005

    def visit(item: tuple[str, str]) -> int:
        name, key = item
        visitor = Visitor(url, key=key if name[-1] in "147" else "")
        if key and not visitor.key:
            visitor.event(visitor.wired("click", elem_id="use-key"), key, None)
        by_page = key and not visitor.key
        return sum(_asked(visitor, f"{name} asks {n}", by_page=by_page) for n in range(rounds))

    with ThreadPoolExecutor(len(keys)) as pool:
        answered = sum(pool.map(visit, keys.items()))
    service.window = 0.0
    asked = [each for each in service.asked("chat") if b"visitor-" in each.body]
    assert min(answered, len(asked)) == len(keys) * rounds
    for each in asked:
        name = f"visitor-{each.body.partition(b'visitor-')[2][:1].decode()}"
        assert each.token == (keys[name] or OWNER), name


def test_a_key_is_used_until_it_is_forgotten(page, service):
    visitor = Visitor(page[0])
    visitor.event(visitor.wired("click", elem_id="use-key"), FIELD, None)
    _asked(visitor, "before it is forgotten", by_page=True)
    visitor.event(visitor.wired("click", elem_id="forget-key"))
    _asked(visitor, "once it is forgotten", by_page=True)
    tokens = [each.token for each in service.asked("chat") if b"forgotten" in each.body]
    assert tokens == [FIELD, OWNER]


def _holding(texts: list[tuple[str, str]]) -> list[str]:
    """Return the places that hold a key, without the key itself."""
    return [name for name, text in texts if any(key in text for key in KEYS)]


@contextmanager
def _page(wire: Wire, folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VLM_", "NVIDIA_", "GRADIO_"))} | {
        "NVIDIA_API_KEY": OWNER, "NVIDIA_BASE_URL": wire.url, "VLM_BASE_URL": f"{wire.url}/v1", "VLM_API_KEY": SERVER,
        "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(folder), "PYTHONFAULTHANDLER": "1", "TMPDIR": str(folder),
    }  # fmt: skip
    with open(folder / "log", "wb") as log:
        command = [sys.executable, "-c", _START]
        process = subprocess.Popen(
            command, cwd=ASSETS.parent, env=env, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            assert wire.until(lambda: _answers(url), 120), (folder / "log").read_text()[-2000:]
            yield url, process
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/config", timeout=10).status_code == 200
    except httpx.TransportError:
        time.sleep(0.2)
        return False


def _said(url: str, wire: Wire) -> Iterator[tuple[str, str]]:
    """Collect all that the page answers, by each way of asking."""
    owner, header, field = Visitor(url), Visitor(url, key=HEADER), Visitor(url)
    for route in (
        "/",
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/theme.css",
        "/monitoring/summary",
        "/gradio_api/runs",
    ):
        yield route, httpx.get(url + route, timeout=60).text
    for visitor, name in ((owner, "the owner's"), (header, "a header's")):
        yield f"/chat, {name}", str(visitor.ask())
        yield (
            f"/florence2, {name}",
            str(visitor.call("florence2", "<OD>", visitor.file(), "", None)),
        )
        yield (
            f"/ask, {name}",
            visitor.web.post("/run/ask", json={"data": [visitor.file(), "Who?", LLAMA]}).text,
        )
        call = {
            "name": "ocr",
            "arguments": {"image": f"{url}/gradio_api/file={visitor.file()['path']}"},
        }
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        accept = {"Accept": "application/json, text/event-stream"}
        yield (
            f"MCP, {name}",
            visitor.web.post("/mcp/", json=body, headers=accept, follow_redirects=True).text,
        )
        yield from _failed(visitor, name, wire)
    yield "/models", str(owner.call("models"))
    yield from _tried(url, wire)
    yield from _visited(field)
    for visitor in (header, field):
        yield (
            "a deep link",
            httpx.get(f"{url}/gradio_api/deep_link", params={"session_hash": visitor.session}).text,
        )
    for bad in (f"{FIELD} x", f"{FIELD}\u00e9", f"{FIELD}\x00"):
        yield "what is no key", field.event(field.wired("click", elem_id="use-key"), bad, None)


def _faults(key: str) -> dict[str, say.Reply]:
    """Return errors of every kind, of a service that repeats the key wherever it can."""
    return {
        "401": say.status(401, {"detail": f"Bearer {key} is not known"}), "500": say.status(500, f"Authorization: Bearer {key}"),
        "a page": say.status(502, f"<html>{key}</html>", "text/html"), "429": say.status(429, {"error": {"message": key}}),
        "no JSON": say.status(200, f"oops {key}", "application/json"), "422": say.status(422, {"detail": [{"msg": key, "loc": [key]}]}),
        "in a stream": say.sse(["one "], error={"message": f"key {key}", "code": 500}),
        "a header": say.status(503, b"", headers={"Retry-After": key}), "moved": say.redirect(f"http://127.0.0.1:9/{key}?k={key}"),
        "half": say.half_json(), "cut": say.sse(["one ", "two "], cut_after=1), "gone": say.drop(),
        "410": say.status(410, {"detail": f"end of life {key}"}),
    }  # fmt: skip


def _failed(visitor: Visitor, name: str, wire: Wire) -> Iterator[tuple[str, str]]:
    """Yield what is said of each fault; at last the model that was called gone is alive again."""
    for fault, reply in _faults(visitor.key or OWNER).items():
        wire.script.extend([reply] * 4)
        yield f"{fault}, {name}", str(visitor.ask())
        wire.script.clear()
    again = visitor if visitor.key else Visitor(visitor.url)
    yield f"NVIDIA, {name}", _choose(again, "NVIDIA")
    yield f"alive, {name}", str(_asked(again, "Alive?", by_page=not visitor.key))


def _tried(url: str, wire: Wire) -> Iterator[tuple[str, str]]:
    """Yield what is said of a key that is tried, by a service that repeats it."""
    for fault, reply in _faults(FIELD).items():
        visitor = Visitor(url)
        use = visitor.wired("click", elem_id="use-key")
        (trial, *_) = visitor.then(use)
        wire.script.extend([reply] * 4)
        yield f"{fault}, a key is given", visitor.event(use, FIELD, None)
        yield f"{fault}, it is tried", visitor.event(trial, None, TRYING)
        wire.script.clear()


def _choose(visitor: Visitor, engine: str) -> str:
    """Choose an engine for the tab of Llama; return all that is answered."""
    chosen = {"tab": LLAMA.rpartition("/")[2], "engine": engine}
    return visitor.event(visitor.wired("choose", elem_id="engines"), None, about=chosen)


def _visited(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Yield the answers of a visit: the key in its field, a chat, its code and files, a comparison, a batch."""
    use = visitor.wired("click", elem_id="use-key")
    yield "the key's field", visitor.event(use, FIELD, None)
    yield "the key is tried", visitor.event(visitor.then(use)[0], None, TRYING)
    box = visitor.wired("submit", elem_classes="box")
    begun = [(box, (None, {"text": "Who?", "files": [visitor.file()]}))]
    stream, finish, *_ = visitor.then(box)
    for number, data in (
        *begun,
        (stream, (None, None, *SETTINGS)),
        (finish, (None, None)),
    ):
        yield "a chat", visitor.event(number, *data)
    for format in FORMATS:
        take = visitor.about("take", box)
        yield f"a file, {format}", visitor.event(take, None, about={"format": format})
    yield "the views", visitor.event(visitor.about("look", box), None)
    for event, place in (("expand", "availability-box"), ("click", "check-models")):
        yield "which models answer", visitor.event(visitor.wired(event, elem_id=place), None)
    yield "another engine", _choose(visitor, "Your server")
    for number, data in (
        *begun,
        (stream, (None, None, *SETTINGS)),
        (finish, (None, None)),
    ):
        yield "a chat with the owner's server", visitor.event(number, *data)
    start = visitor.wired("click", elem_id="batch-start")
    yield "a batch", visitor.event(start, None, [visitor.file()], f"{LLAMA}", "Who?")
    for number, count in zip(visitor.then(start)[:2], (2, 1)):
        yield "its end", visitor.event(number, *[None] * count)


def _asked(visitor: Visitor, words: str, by_page: bool) -> bool:
    """Return True when the visitor got an answer with the words of the question."""
    if not by_page:
        good, answer = visitor.ask(words)
        return good and words in str(answer)
    box = visitor.wired("submit", elem_classes="box")
    stream, finish, *_ = visitor.then(box)
    visitor.event(box, None, {"text": words, "files": [visitor.file()]})
    visitor.event(stream, None, None, *SETTINGS)
    return words in visitor.event(finish, None, None)
