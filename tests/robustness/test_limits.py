"""Limits of a public page: questions and bytes of each visitor, other sites, other visitors' files, files left on disk."""

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.hostile_networks import Listener, replies
from tests.support.intrusion import CANARY, attempts, uploads
from tests.support.page_process import Page, Visitor, launched
from tests.support.question_outcome import Records
from tests.support.wire import Wire
from tests.support.wire import replies as say
from ui.core.limits import visitor_at
from ui.core.storage import sweeping_lifespan

pytestmark = pytest.mark.filterwarnings("ignore")
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


ROUTES = (
    ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/call/chat"), ("POST", "/gradio_api/upload"), ("GET", "/config"),
    ("POST", "/gradio_api/run/ocr"), ("POST", "/gradio_api/mcp/"), ("GET", "/gradio_api/token"), ("POST", "/gradio_api/cancel"),
    ("GET", "/gradio_api/queue/data?session_hash=x"), ("POST", "/login"), ("POST", "/gradio_api/component_server"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _clean_environment() -> None:
    """Let the settings of a page stay as long as it runs: `launched` has taken all others away."""


@pytest.fixture(scope="module")
def service() -> Iterator[Wire]:
    """Yield a local server that plays NVIDIA's API, for all pages of this file."""
    with Wire() as wire:
        yield wire


@pytest.fixture(scope="module")
def limited(service) -> Iterator[Page]:
    """Yield a page whose owner set all limits."""
    with launched(
        NVIDIA_API_KEY=OWNER,
        NVIDIA_BASE_URL=service.url,
        VLM_TRUSTED_PROXIES="1",
        VLM_LIMIT_QUESTIONS="4",
        VLM_LIMIT_STREAMS="3",
        VLM_LIMIT_MEGABYTES="1",
        VLM_BUDGET="12",
    ) as page:
        yield page


def wrong(found: Iterator[tuple[object, bool]]) -> list:
    """Return the cases that are not right."""
    found = list(found)
    assert found
    return [case for case, right in found if not right]


@pytest.mark.parametrize("peer, forwarded, proxies, who", ADDRESSES)
def test_a_visitor_is_who_the_last_trusted_proxy_saw(peer, forwarded, proxies, who):
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    request = {"client": (peer, 1) if peer else None, "headers": headers}
    assert visitor_at(request, proxies) == who
    assert visitor_at(None, 1) == ""


def test_a_visitor_asks_sends_and_is_answered_as_much_as_the_owner_allows(limited, service):
    assert wrong(_limited(limited, service)) == []


def test_the_owners_key_pays_so_many_questions_a_day_and_a_visitors_own_any_number(
    limited, service
):
    assert wrong(_budget(limited, service)) == []


@pytest.mark.parametrize("method, route", ROUTES)
@pytest.mark.parametrize("headers, foreign", SITES)
def test_no_other_site_can_use_the_page(limited, method, route, headers, foreign):
    if route.startswith("/gradio_api/queue/data") and not foreign:
        return  # it stays open
    fields = {name: limited.url if value == "self" else value for name, value in headers.items()}
    status = _status(method, limited.url + route, fields | {"X-Forwarded-For": "192.0.4.1"})
    assert (status == 403) == foreign, status


def test_a_link_from_elsewhere_opens_the_page(limited):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert httpx.get(limited.url, headers=headers).status_code == 200


@pytest.fixture
def unlimited(service) -> Iterator[Page]:
    """Yield a page without limits, after the limited one, since both read the environment."""
    with launched(NVIDIA_API_KEY=OWNER, NVIDIA_BASE_URL=service.url) as page:
        yield page


def test_no_file_and_no_address_of_this_machine_is_had_by_any_route(unlimited, tmp_path, long_form):
    (secret := tmp_path / "secret.jpg").write_text(CANARY)
    leaked = []
    with Listener(replies) as inside:
        visitor, step = Visitor(unlimited.url), 1 if long_form else 13
        for case, answer in attempts(unlimited, visitor, secret, inside.port, step):
            if CANARY in answer or inside.received or "one two three" in answer:
                leaked.append(case)
            inside.received = b""
    assert leaked == []


def test_an_upload_lies_where_the_page_keeps_uploads_whatever_its_name(unlimited):
    found = uploads(unlimited, Visitor(unlimited.url))
    assert wrong((name, not reasons) for name, reasons in found) == []


def test_a_private_page_shows_nothing_without_the_password_and_deletes_what_was_given(service):
    given = {"Authorization": "Basic " + base64.b64encode(f"ann:{PASSWORD}".encode()).decode()}
    with (
        Records().listening() as records,
        launched(
            sweeping_lifespan(0.3, 1.0),
            VLM_AUTH=f"ann:{PASSWORD}",
            VLM_TRUSTED_PROXIES="1",
            NVIDIA_API_KEY=OWNER,
            NVIDIA_BASE_URL=service.url,
        ) as page,
    ):
        assert wrong(_locked(page, given)) == []
        assert not [line for line in records.lines if PASSWORD in line]
        visitor, before = Visitor(page.url, headers=given), set(page.files())
        assert visitor.ask()[0]
        assert visitor.call("florence2", "<OD>", visitor.file(), "", None)[0]
        assert len(set(page.files()) - before) > 1, "it keeps what it is given for a while"
        service.until(lambda: set(page.files()) == before and not page.empty(), 30)
        assert set(page.files()) == before and not page.empty()


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


def _status(method: str, url: str, headers: dict[str, str]) -> int:
    with httpx.stream(method, url, headers=headers, timeout=30) as response:
        return response.status_code


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
