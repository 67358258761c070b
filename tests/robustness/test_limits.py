"""Strangers with time: what each may ask and send, other sites, other people's files, and what is left on the disk."""

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.support.hostile_networks import Listener, replies
from tests.support.intrusion import CANARY, attempts, uploads
from tests.support.page_process import Page, Visitor, launched
from tests.support.question_outcome import Records
from tests.support.rows import Row
from tests.support.wire import Wire
from tests.support.wire import replies as say

OWNER, OWN, PASSWORD = "nvapi-owner-77aa01bc", "nvapi-visitor-33dd02ef", "pass:word-9f-canary"
_EVIL = {"Origin": "https://evil.example"}
_CORS = {"Sec-Fetch-Mode": "cors"}
SITES = (  # headers of a browser, and whether another site made it ask
    (_EVIL | _CORS | {"Sec-Fetch-Site": "cross-site"}, True), (_EVIL | _CORS | {"Sec-Fetch-Site": "same-site"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, True), (_EVIL, True), ({"Origin": "null"}, True),
    ({"Origin": "http://127.0.0.1.evil.example"}, True), (_EVIL | {"X-Forwarded-Host": "page.example"}, True),
    (_CORS | {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, False),
    ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, False), ({}, False), ({"Origin": "self"}, False),
    ({"Origin": "https://page.example", "X-Forwarded-Host": "page.example"}, False),
)  # fmt: skip
ADDRESSES = (  # peer, X-Forwarded-For, trusted proxies, whom it counts for
    ("198.51.100.1", (), 0, "198.51.100.1"), ("198.51.100.1", ("8.8.8.8",), 0, "198.51.100.1"),
    ("10.0.0.1", ("198.51.100.1",), 1, "198.51.100.1"), ("10.0.0.1", ("8.8.8.8, 198.51.100.1",), 1, "198.51.100.1"),
    ("10.0.0.1", ("8.8.8.8", "198.51.100.1"), 1, "198.51.100.1"), ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.0.0.2",), 2, "198.51.100.1"),
    ("10.0.0.1", ("198.51.100.1",), 2, "10.0.0.1"), ("10.0.0.1", (), 1, "10.0.0.1"), ("10.0.0.1", ("nonsense",), 1, "10.0.0.1"),
    ("10.0.0.1", ("8.8.8.8, nonsense",), 1, "10.0.0.1"), ("10.0.0.1", ("2001:db8:1:2:3:4:5:6",), 1, "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff::1", (), 0, "2001:db8:1:2::/64"), ("::ffff:198.51.100.1", (), 0, "198.51.100.1"), ("", (), 0, ""),
)  # fmt: skip


def rows(short: bool) -> Iterator[Row]:
    """Limits, other sites, intruders on one page; a private page, and its disk."""
    yield _row("a visitor is who the last trusted proxy saw", _addresses())
    env = {
        "VLM_TRUSTED_PROXIES": "1",
        "VLM_LIMIT_QUESTIONS": "4",
        "VLM_LIMIT_STREAMS": "3",
        "VLM_LIMIT_MEGABYTES": "1",
    }
    with Wire() as wire:
        wired = {"NVIDIA_API_KEY": OWNER, "NVIDIA_BASE_URL": wire.url}
        with launched(**wired, **env, VLM_BUDGET="12") as page:
            yield _row(
                "a visitor asks, sends and is answered as much as the owner allows, others as before",
                _limited(page, wire),
            )
            yield _row(
                "the owner's key pays so many questions a day, a visitor's own any number",
                _budget(page, wire),
            )
            yield _row("no other site can use the page", _foreign(page))
        with launched(**wired) as page:
            yield from _intruders(page, short)
        yield from _private(wire, wired)


def _row(promise: str, found: Iterator[tuple[object, bool]], leaked: int = 0) -> Row:
    found = list(found)
    wrong = [str(case) for case, right in found if not right]
    return Row(promise, len(found), len(found) - len(wrong), leaked, "; ".join(wrong[:4])[:600])


def _addresses() -> Iterator[tuple[object, bool]]:
    from ui.core.limits import visitor_at

    for case in ADDRESSES:
        peer, forwarded, proxies, who = case
        headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
        yield (
            case,
            visitor_at({"client": (peer, 1) if peer else None, "headers": headers}, proxies) == who,
        )
    yield "no request", visitor_at(None, 1) == ""


def _limited(page: Page, wire: Wire) -> Iterator[tuple[object, bool]]:
    greedy, spoofing = (
        Visitor(page.url, "198.51.100.1"),
        Visitor(page.url, "203.0.113.9, 198.51.100.1"),
    )
    asked = [visitor.ask() for visitor in (greedy, greedy, spoofing, greedy, greedy, spoofing)]
    for at, (good, words) in enumerate(asked):
        yield (
            f"question {at + 1}: {words}",
            good if at < 4 else not good and "a minute" in str(words) and "second" in str(words),
        )
    yield "the refused ones were not asked", len(wire.asked("chat")) == 4
    tool = greedy.web.post(
        "/run/ask", json={"data": [greedy.file(), "Who?", "meta/llama-3.2-11b-vision-instruct"]}
    )
    yield f"a tool: {tool.text}", "a minute" in tool.text
    yield "someone else", Visitor(page.url, "198.51.100.2").ask()[0]
    gate, several = threading.Event(), Visitor(page.url, "198.51.100.3")
    wire.script.extend([say.sse(["one ", "two"], gate=gate)] * 3)
    file = several.file()
    with ThreadPoolExecutor(3) as pool:
        held = [
            pool.submit(
                several.call, "chat", "meta/llama-3.2-11b-vision-instruct", "x", file, *[None] * 4
            )
            for _ in range(3)
        ]
        wire.until(lambda: len(wire.asked("chat")) == 8, 20)
        good, words = several.ask()
        yield f"a fourth answer at once: {words}", not good and "on their way" in str(words)
        gate.set()
        yield "the three", all(future.result()[0] for future in held)
    sent = [Visitor(page.url, "198.51.100.4").upload(b"x" * 300_000).status_code for _ in range(5)]
    yield f"uploads: {sent}", sent == [200, 200, 200, 429, 429]
    sent = Visitor(page.url, "198.51.100.5").web.post("/upload", content=iter([b"x" * 9]))
    yield f"an upload of unknown length: {sent.status_code}", sent.status_code == 411
    large = Visitor(page.url, "198.51.100.6").web.post("/queue/join", content=b" " * 41_000_000)
    yield f"a body of 41 MB: {large.status_code}", large.status_code == 413


def _budget(page: Page, wire: Wire) -> Iterator[tuple[object, bool]]:
    spent = len([seen for seen in wire.asked("chat") if seen.token == OWNER])
    for at in range(spent, 14):
        good, words = Visitor(page.url, f"192.0.2.{at}").ask()
        yield (
            f"question {at + 1} of the day: {words}",
            good == (at < 12) and (good or "today" in str(words)),
        )
    for at in range(4):
        yield "with a key of one's own", Visitor(page.url, f"192.0.3.{at}", OWN).ask()[0]


def _foreign(page: Page) -> Iterator[tuple[object, bool]]:
    routes = (
        ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/call/chat"), ("POST", "/gradio_api/upload"), ("GET", "/config"),
        ("POST", "/gradio_api/run/ocr"), ("POST", "/gradio_api/mcp/"), ("GET", "/gradio_api/token"), ("POST", "/gradio_api/cancel"),
        ("GET", "/gradio_api/queue/data?session_hash=x"), ("POST", "/login"), ("POST", "/gradio_api/component_server"),
    )  # fmt: skip
    own = page.url
    for method, route in routes:
        for headers, foreign in SITES:
            if route.startswith("/gradio_api/queue/data") and not foreign:
                continue  # it stays open
            fields = {name: own if value == "self" else value for name, value in headers.items()}
            status = _status(method, own + route, fields | {"X-Forwarded-For": "192.0.4.1"})
            yield f"{method} {route} {headers}: {status}", (status == 403) == foreign
    framed = httpx.get(own, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    yield "a link from elsewhere", framed.status_code == 200


def _status(method: str, url: str, headers: dict[str, str]) -> int:
    with httpx.stream(method, url, headers=headers, timeout=30) as response:
        return response.status_code


def _intruders(page: Page, short: bool) -> Iterator[Row]:
    with TemporaryDirectory() as folder, Listener(replies) as inside:
        (secret := Path(folder, "secret.jpg")).write_text(CANARY)
        visitor, tried, leaked = Visitor(page.url), 0, []
        for case, answer in attempts(page, visitor, secret, inside.port, 13 if short else 1):
            tried += 1
            leaked += (
                [case] if CANARY in answer or inside.heard or "one two three" in answer else []
            )
            inside.heard = b""
        yield Row(
            "no file and no address of this machine is had by any route",
            tried,
            tried,
            len(leaked),
            "; ".join(leaked[:4])[:600],
        )
    found = [(name, not wrong) for name, wrong in uploads(page, visitor)]
    yield _row("an upload lies where the page keeps uploads, whatever its name", found)


def _private(wire: Wire, wired: dict[str, str]) -> Iterator[Row]:
    from ui.core.storage import sweeping_lifespan

    with (
        Records().listening() as records,
        launched(
            sweeping_lifespan(0.3, 1.0),
            VLM_AUTH=f"ann:{PASSWORD}",
            VLM_TRUSTED_PROXIES="1",
            **wired,
        ) as page,
    ):
        given = {"Authorization": "Basic " + base64.b64encode(f"ann:{PASSWORD}".encode()).decode()}
        yield _row(
            "a private page shows nothing to those without the password",
            _locked(page, given),
            _told(records),
        )
        visitor, samples = Visitor(page.url, headers=given), set(page.files())
        worked = [visitor.ask()[0], visitor.call("florence2", "<OD>", visitor.file(), "", None)[0]]
        made = set(page.files()) - samples
        wire.until(lambda: set(page.files()) == samples and not page.empty(), 30)
        left = set(page.files()) ^ samples
        yield Row(
            "what visitors gave, and what was made of it, is deleted",
            3,
            sum(worked) + (len(made) > 1),
            len(left) + len(page.empty()),
        )


def _locked(page: Page, given: dict[str, str]) -> Iterator[tuple[object, bool]]:
    paths = {getattr(route, "path", "") for route in page.blocks.app.routes} | {
        "/gradio_api/mcp/",
        "/gradio_api/mcp/schema",
    }
    for path in sorted(paths - {""}):
        for method in ("GET", "POST"):
            status = _status(method, page.url + path.replace("{", "x").replace("}", ""), {})
            open_ = path.startswith("/gradio_api/startup-events")  # it says true or false
            yield f"{method} {path}: {status}", open_ or status in (401, 404)
    yield "with the password", httpx.get(page.url, headers=given).status_code == 200
    for wrong in (
        "",
        "Basic",
        "Basic !!",
        "Bearer x",
        "Basic " + base64.b64encode(b"ann:").decode(),
        "Basic " + base64.b64encode(b":").decode(),
    ):
        yield (
            f"with {wrong}",
            httpx.get(page.url, headers={"Authorization": wrong}).status_code in (401, 429),
        )
    guesses = [
        httpx.get(
            page.url, headers={"Authorization": "Basic " + base64.b64encode(b"ann:%d" % n).decode()}
        )
        for n in range(12)
    ]
    yield (
        "guesses",
        [guess.status_code for guess in guesses][-1] == 429
        and "Retry-After" in guesses[-1].headers,
    )
    yield "the right one, too soon", httpx.get(page.url, headers=given).status_code == 429
    yield (
        "the right one, from elsewhere",
        httpx.get(page.url, headers=given | {"X-Forwarded-For": "203.0.113.9"}).status_code == 200,
    )


def _told(records: Records) -> int:
    return sum(PASSWORD in line for line in records.lines)
