"""Compresses the page, and refuses requests before Gradio sees them: one ASGI middleware a concern.

In the order of the refusals: other sites, closed routes, wrong passwords, bodies that are too
large. Each answers with one sentence of plain text, or passes the request on.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.core.limits import ACCOUNT, quota_of
from vlm_backends.ratelimit import ClientQuota, RateLimiter, in_words

_CLOSED = re.compile(
    r"/gradio_api/(deep_link|proxy=|file[=/]https?:|vibe-|dev/|process_recording|runs|run-history)"
    r"|/monitoring",
    re.IGNORECASE,
)
_UPLOAD, _STARTUP = "/gradio_api/upload", "/gradio_api/startup-events"
_MAX_BODY = 40 * 10**6  # bytes, except for uploads: a picture of 25 MB as base64, and its question
_SAFE = "GET", "HEAD", "OPTIONS"
_LARGE = "", "/config", "/gradio_api/info"  # a megabyte of settings that hardly differ


def protection(limiter: RateLimiter, accounts: Mapping[str, str]) -> list[Middleware]:
    """List the middleware of a page, outermost first; without accounts there is no login."""
    login = [Middleware(Authentication, limiter=limiter, accounts=accounts)] if accounts else []
    return [
        Middleware(Compression),
        Middleware(SameOrigin),
        Middleware(ClosedRoutes),
        *login,
        Middleware(BodyLimit, limiter=limiter),
    ]


class Compression:
    """Compress the page itself and what describes it; Gradio does so for files only.

    Nothing else is compressed here: an older Starlette would hold the words of a stream back.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._plain, self._compressed = app, GZipMiddleware(app, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and compress the answer where that pays."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", "")).rstrip("/")
        app = self._compressed if path in _LARGE else self._plain
        await app(scope, receive, send)


class _Check:
    """An ASGI middleware that answers an HTTP request itself when `refusal` returns a response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        answer = self.refusal(scope, Headers(scope=scope)) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    def refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the response to send instead of passing the request on; None to pass it on."""
        raise NotImplementedError


class SameOrigin(_Check):
    """Refuse requests that another site makes a visitor's browser send."""

    def refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """See `is_foreign`."""
        if not is_foreign(scope["method"], headers):
            return None
        sentence = "This page takes no requests from other sites. Open it itself."
        return PlainTextResponse(sentence, 403)


class ClosedRoutes(_Check):
    """Hide routes of Gradio that are not needed and would call other hosts or reveal too much."""

    def refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Answer 404 for a closed route."""
        closed = _CLOSED.search(scope["path"])
        return PlainTextResponse("There is nothing here.", 404) if closed else None


class Authentication(_Check):
    """Ask for the name and password of an account, by HTTP's Basic scheme (RFC 7617)."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter, accounts: Mapping[str, str]) -> None:
        super().__init__(app)
        self._limiter, self._accounts = limiter, accounts

    def refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Ask for the password.

        A client that has guessed too often waits even with the right one: otherwise it could go on
        guessing, since each answer would show whether the guess is right.
        """
        if scope["path"].endswith(_STARTUP):  # Gradio itself calls it when it starts
            return None
        if "Authorization" in headers:
            guesses = quota_of(self._limiter, scope).wrong_passwords
            if seconds := guesses.retry_after():
                return _try_later("Too many wrong passwords.", seconds)
            if name := self._known_name(headers):
                scope.setdefault("state", {})[ACCOUNT] = name
                return None
            guesses.take()
        ask = {"WWW-Authenticate": 'Basic realm="VLM Showcase", charset="UTF-8"'}
        return PlainTextResponse("This page needs a name and a password. Ask its owner.", 401, ask)

    def _known_name(self, headers: Headers) -> str:
        """Return the name of the account; empty unless its password is right."""
        kind, _, given = headers.get("Authorization", "").partition(" ")
        try:
            name, _, password = b64decode(given).decode().partition(":")
        except ValueError:
            return ""
        expected = self._accounts.get(name, "")
        matches = compare_digest(password.encode(), expected.encode())
        return name if kind.lower() == "basic" and matches and expected else ""


class BodyLimit(_Check):
    """Refuse bodies that are too large or of unknown size, and count the bytes of each visitor."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        super().__init__(app)
        self._limiter = limiter

    def refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Answer 411 without a length, 413 above the limit, 429 when the hour's bytes are sent."""
        if scope["method"] in _SAFE:
            return None
        return _body_refusal(scope["path"], headers, quota_of(self._limiter, scope))


def _body_refusal(path: str, headers: Headers, quota: ClientQuota) -> Response | None:
    length = headers.get("Content-Length", "0")
    if "Transfer-Encoding" in headers or not length.isdecimal():
        return PlainTextResponse("Say the request's length in Content-Length.", 411)
    if int(length) > _MAX_BODY and not path.rstrip("/").endswith(_UPLOAD):
        most = _MAX_BODY // 10**6
        return PlainTextResponse(f"This request is too large: {most} MB are taken.", 413)
    seconds = quota.bytes.take(int(length))
    if not seconds:
        return None
    return _try_later("You have sent as much as this page takes in an hour.", seconds)


def is_foreign(method: str, headers: Headers) -> bool:
    """Return True for a request that another site has a browser make.

    Opening a link to the page, or a frame with it, does not count. The rules are those of
    CrossOriginProtection in Go's `net/http`: browsers state where a request comes from, in headers
    that no site can change. Programs send no such headers.
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


def _try_later(why: str, seconds: float) -> Response:
    headers = {"Retry-After": str(int(seconds) + 1)}
    return PlainTextResponse(f"{why} Try again in {in_words(seconds)}.", 429, headers)
