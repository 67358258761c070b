"""Sends hostile inputs to every route that takes a name, an address or a file, and collects what comes back."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from urllib.parse import quote

import httpx

from tests.support.page_process import SIGN, Page, Visitor

CANARY = "canary-5f3c9a71d2e8-of-a-file"
_META = {"_type": "gradio.FileData"}
_TAGGED: tuple[Callable[[str], object], ...] = (  # how a file can be named in a payload
    lambda name: {"path": name}, lambda name: {"path": name, "meta": _META}, lambda name: {"url": name, "meta": _META},
    lambda name: {"path": name, "url": name, "orig_name": "x.jpg", "meta": _META}, lambda name: name,
    lambda name: {"path": "x.jpg", "url": name, "is_stream": True, "meta": _META},
)  # fmt: skip
_ROUTES = (  # of Gradio, and where the name goes in
    "/gradio_api/file={0}", "/gradio_api/file/{0}", "/gradio_api/proxy={0}", "/static/{0}", "/assets/{0}", "/svelte/{0}",
    "/gradio_api/custom_component/1/client/component/{0}", "/?deep_link={0}", "/gradio_api/deep_link?session_hash={0}",
    "/gradio_api/stream/x/1/2/{0}", "/gradio_api/runs?path={0}", "/theme.css?path={0}", "/gradio_api/vibe-code/?path={0}",
)  # fmt: skip
_VIEWERS = (  # that take a picture, and the number of inputs of their event
    ("result", 1), ("compare-viewer", 1), ("view-llama-3.2-11b-vision-instruct", 2),
)  # fmt: skip


def names(secret: Path, port: int) -> list[str]:
    """Return what an intruder asks for: files of this machine, and addresses inside its network."""
    path, deep = str(secret), "../" * 12
    files = [
        path,
        f"{deep}{path[1:]}",
        f"/proc/self/root{path}",
        f"/tmp/gradio/{deep}{path[1:]}",
        f"file://{path}",
        f"//{path}",
    ]
    inside = (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"[::ffff:127.0.0.1]:{port}",
        f"0.0.0.0:{port}",
        f"2130706433:{port}",
    )
    metadata = "http://169.254.169.254/latest/meta-data/"
    return [
        *files,
        *(f"http://{host}/x.jpg" for host in inside),
        f"https://127.0.0.1:{port}/",
        metadata,
    ]


def attempts(
    page: Page, visitor: Visitor, secret: Path, port: int, step: int
) -> Iterator[tuple[str, str]]:
    """Yield each attempt and all that came back."""
    asked = names(secret, port)
    for route, name in list(product(_ROUTES, asked))[::step]:
        for spelled in (
            quote(name, safe="/:"),
            quote(name, safe=""),
            quote(quote(name, safe=""), safe=""),
        ):
            url = httpx.URL(page.url + route.format(spelled))
            yield f"GET {route} {name}", httpx.get(url, headers=visitor.headers, timeout=30).text
    for name, shape in list(product(asked, _TAGGED))[::step]:
        file = shape(name)
        yield (
            f"/call/chat {file}",
            str(visitor.call("chat", "meta/llama-3.2-11b-vision-instruct", "x", file, *[None] * 4)),
        )
        yield f"/call/florence2 {file}", str(visitor.call("florence2", "<OCR>", file, "", None))
        for tool in ("ocr", "chart_to_table"):
            yield (
                f"/run/{tool} {file}",
                visitor.web.post(f"/run/{tool}", json={"data": [file]}).text,
            )
        yield f"MCP {file}", _by_mcp(visitor, name)
        yield (
            f"a chat's box {file}",
            visitor.event(
                visitor.wired("submit", elem_classes="box"), None, {"text": "x", "files": [file]}
            ),
        )
        for (viewer, inputs), given in product(_VIEWERS, ({"paths": [file]}, {"url": name})):
            picked = visitor.wired("picked", elem_id=viewer)
            yield f"{viewer} {given}", visitor.event(picked, *[None] * inputs, about=given)
        yield (
            f"a batch {file}",
            visitor.event(
                visitor.wired("click", elem_id="batch-start"),
                None,
                [file],
                "microsoft/florence-2<OCR>",
                "",
            ),
        )
        body = {
            "session_hash": visitor.session,
            "component_id": 1,
            "fn_name": "postprocess",
            "data": file,
        }
        yield f"a component {file}", _tried(visitor, "/component_server", body)


def _tried(visitor: Visitor, route: str, body: dict) -> str:
    return visitor.web.post(route, json=body).text


def _by_mcp(visitor: Visitor, name: str) -> str:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "ocr", "arguments": {"image": name}},
    }
    accept = {"Accept": "application/json, text/event-stream"}
    return visitor.web.post("/mcp/", json=call, headers=accept, follow_redirects=True).text


def uploads(page: Page, visitor: Visitor) -> Iterator[tuple[str, list[str]]]:
    """Upload files whose names point elsewhere; yield each name with the files outside of the page's folder."""
    hostile = ("../../../../tmp/x.jpg", "/etc/x.jpg", "..\\..\\x.jpg", "C:\\x.jpg", "a\x00b.jpg", "x" * 5000 + ".jpg", "..",
              ".", "", "con.jpg", "a/b/c.jpg", "%2e%2e%2fx.jpg", "x.jpg\r\nSet-Cookie: a=b", "<script>.jpg", "x.php")  # fmt: skip
    for name in hostile:
        try:
            answer = visitor.upload(name=name)
        except httpx.TransportError:  # the connection was closed over it
            yield name, []
            continue
        paths = json.loads(answer.text) if answer.status_code == 200 else []
        outside = [path for path in paths if not Path(path).resolve().is_relative_to(page.folder)]
        yield name, [f"{answer.status_code} {outside}"] if outside else []
    (path,) = visitor.upload().json()
    served = visitor.web.get(f"/file={path}").content == SIGN
    yield "an upload of one's own is served", [] if served else ["it is not"]
