"""What is refused before Gradio sees it: other sites, wrong passwords, bodies too large, routes without use here."""

import os
import re
from base64 import b64decode
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.core.limits import ClientQuota, Limits, RateLimiter, in_words
from vlm_backends import BadPrompt

_CLOSED = re.compile(
    r"/gradio_api/(deep_link|proxy=|file[=/]https?:|vibe-|dev/|process_recording|runs|run-history)|/monitoring",
    re.IGNORECASE,
)
_UPLOAD, _STARTUP = "/gradio_api/upload", "/gradio_api/startup-events"
_MOST = (
    40 * 10**6
)  # bytes of a request that uploads no file: a picture of 25 MB as base64, and its question
_SAFE = "GET", "HEAD", "OPTIONS"


def accounts(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Names and passwords by VLM_AUTH: a pair, or a file with one a line; none: everybody may come in.

    Raises BadPrompt, which repeats nothing of it.
    """
    setting = env.get("VLM_AUTH", "").strip()
    if not setting:
        return {}
    try:
        text = Path(setting).read_text(encoding="utf-8") if Path(setting).is_file() else setting
    except (OSError, ValueError):
        raise BadPrompt("The file that VLM_AUTH names cannot be read.") from None
    pairs = [line.strip().partition(":") for line in text.splitlines() if line.strip()]
    if not pairs or not all(name and password for name, _, password in pairs):
        raise BadPrompt(
            "VLM_AUTH is name:password, or the path of a file that has such a pair on each line."
        )
    return {name: password for name, _, password in pairs}


class Gate:
    """ASGI middleware around the page."""

    def __init__(self, app: ASGIApp, limits: Limits, accounts: Mapping[str, str]) -> None:
        self._app, self._door, self._accounts = app, RateLimiter(limits), accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page's answer, or a refusal in one sentence."""
        answer = (self._refusal(scope) if scope["type"] == "http" else None) or self._app
        await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, quota = Headers(scope=scope), self._door.quota(scope)
        if is_foreign(scope["method"], headers):
            return PlainTextResponse(
                "This page takes no requests from other sites. Open it itself.", 403
            )
        if _CLOSED.search(scope["path"]):
            return PlainTextResponse("There is nothing here.", 404)
        if (
            self._accounts
            and not scope["path"].endswith(_STARTUP)
            and (stranger := self._stranger(headers, quota))
        ):
            return stranger
        return None if scope["method"] in _SAFE else _too_much(scope["path"], headers, quota)

    def _stranger(self, headers: Headers, quota: ClientQuota) -> Response | None:
        """Asks for the password; whoever guesses has to wait, also with the right one, or each guess would be told."""
        if "Authorization" in headers:
            if seconds := quota.guesses.due():
                return _later("Too many wrong passwords.", seconds)
            if self._knows(headers):
                return None
            quota.guesses.take()
        ask = {"WWW-Authenticate": 'Basic realm="VLM Showcase", charset="UTF-8"'}
        return PlainTextResponse("This page needs a name and a password. Ask its owner.", 401, ask)

    def _knows(self, headers: Headers) -> bool:
        """True with the name and the password of an account (RFC 7617)."""
        kind, _, given = headers.get("Authorization", "").partition(" ")
        try:
            name, _, password = b64decode(given).decode().partition(":")
        except ValueError:
            return False
        expected = self._accounts.get(name, "")
        return (
            kind.lower() == "basic"
            and compare_digest(password.encode(), expected.encode())
            and bool(expected)
        )


def is_foreign(method: str, headers: Headers) -> bool:
    """True for a request that another site has a browser make; a link to the page, and a frame around it, are none.

    Go's `net/http` decides so in CrossOriginProtection: browsers say where a request comes from, and no site can make
    them say something else. Programs say nothing of it.
    """
    site = headers.get("Sec-Fetch-Site")
    if site:
        visit = method in _SAFE and headers.get("Sec-Fetch-Mode") == "navigate"
        return site not in ("same-origin", "none") and not visit
    origin = headers.get("Origin")
    host = urlsplit(origin or "").netloc  # none where the browser hides it
    return origin is not None and (
        not host or host not in (headers.get("Host"), headers.get("X-Forwarded-Host"))
    )


def _too_much(path: str, headers: Headers, quota: ClientQuota) -> Response | None:
    length = headers.get("Content-Length", "0")
    if "Transfer-Encoding" in headers or not length.isdecimal():
        return PlainTextResponse("Say the request's length in Content-Length.", 411)
    if int(length) > _MOST and not path.rstrip("/").endswith(_UPLOAD):
        return PlainTextResponse(f"This request is too large: {_MOST // 10**6} MB are taken.", 413)
    seconds = quota.bytes.take(int(length))
    return (
        _later("You have sent as much as this page takes in an hour.", seconds) if seconds else None
    )


def _later(why: str, seconds: float) -> Response:
    headers = {"Retry-After": str(int(seconds) + 1)}
    return PlainTextResponse(f"{why} Try again in {in_words(seconds)}.", 429, headers)
