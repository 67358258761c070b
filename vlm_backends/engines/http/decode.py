"""Decode bytes into JSON objects: a stream of events, one JSON body, a result inside a zip.

Nothing here opens a connection.
"""

import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import orjson

from vlm_backends.engines.http.sse import DONE, MAX_JSON, ErrorEvent, events, too_long
from vlm_backends.errors import Unreachable

MAX_BODY = 32 * 2**20  # bytes of a whole body, and of a zip
_MAX_ENTRIES = 256
_MAX_RATIO = 200  # JSON is packed about 10 times smaller, a bomb 1,000 times
_BROKEN_ZIP = (  # what zipfile and its decompressors raise
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
_MORE_EVENTS = re.compile(rb"[\r\n](?:data|event|error|\{)")  # after a first line


def event_payloads(
    pieces: Iterable[bytes], on_done: Callable[[], object] = lambda: None
) -> Iterator[dict]:
    """Yield the JSON objects of an event stream, and after `[DONE]` those without an answer.

    `on_done` is called at `[DONE]`: from there on only an error is of interest. Raises Unreachable
    when the stream ends before `[DONE]` and before a `finish_reason`.
    """
    ended, arriving = False, events(pieces)
    for event in arriving:
        words = event.strip()
        if words.strip(b'"') == DONE:
            on_done()
            yield from _payloads_after_done(arriving)
            return
        if words or isinstance(event, ErrorEvent):
            payload = _payload(event)
            ended = ended or _has_finish_reason(payload)
            yield payload
    if not ended:
        raise Unreachable(
            "The answer broke off before its end. What had arrived is kept; send the question "
            "again."
        )


def _payloads_after_done(arriving: Iterator[bytes]) -> Iterator[dict]:
    """Yield what comes after the answer; that the connection breaks off is no error any more."""
    with suppress(Unreachable):
        for event in arriving:
            if event.strip() and not (payload := _payload(event)).get("choices"):
                yield payload


def _payload(event: bytes) -> dict:
    """Return an event's JSON object; an ErrorEvent's is marked as vLLM marks its errors."""
    if not isinstance(event, ErrorEvent):
        return _parse_object(event)
    try:
        value = _parse_object(event)
    except Unreachable:
        value = {"message": event.decode(errors="replace").strip()}
    return {**value, "object": "error"}


def _has_finish_reason(payload: dict) -> bool:
    """Return True for a payload that says why the reply ends: some servers send no `[DONE]`."""
    try:
        reason = payload["choices"][0]["finish_reason"]
    except (LookupError, TypeError):
        return False
    return isinstance(reason, str) and bool(reason)


def body_payload(body: bytes) -> dict:
    """Return the JSON object of a whole body, or of the `*.response` member when it is a zip.

    Raises Unreachable.
    """
    return _parse_object(_unzipped(body) if body.startswith(b"PK") else body)


def body_payloads(body: bytes) -> Iterator[dict]:
    """Yield the JSON objects of a body that does not begin as a stream of events does.

    That is one object, or events after a line of JSON or of anything else. Raises Unreachable.
    """
    try:
        whole = body_payload(body)
    except Unreachable:
        if body.startswith((b"PK", b"<")) or not _MORE_EVENTS.search(body):
            raise
        yield from event_payloads([body])
    else:
        yield whole


def _parse_object(data: bytes) -> dict:
    if len(data) > MAX_JSON:
        raise too_long()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _parse_leniently(data.decode(errors="replace"))
    if isinstance(value, list) and value and isinstance(value[0], dict) and "error" in value[0]:
        value = value[0]  # as Google's servers send errors
    if not isinstance(value, dict):
        raise Unreachable(
            "The service sent something that is not an answer. Try again in a moment."
        )
    return value


def _parse_leniently(text: str) -> object:
    """Parse JSON with what a strict parser refuses: NaN, half a surrogate pair, broken UTF-8."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreachable(
            f"The service sent {_describe(text)} instead of an answer. Try again in a moment."
        ) from None


def _describe(text: str) -> str:
    if not text.strip():
        return "nothing"
    return "a web page" if text.lstrip().startswith("<") else "half an answer or plain text"


def _unzipped(data: bytes) -> bytes:
    """Return the bytes of the zip's `*.response` member; nothing is extracted to a file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MAX_ENTRIES:
                raise Unreachable("The result's zip holds far too many files; it was not opened.")
            found = [member for member in members if member.filename.endswith(".response")]
            if not found:
                raise Unreachable("The result's zip holds no answer. Send the picture again.")
            size, packed = found[0].file_size, found[0].compress_size
            if size > MAX_BODY or size > 2**20 and size > _MAX_RATIO * max(packed, 1):
                raise Unreachable("The result's zip is a bomb, or broken; it was not opened.")
            with archive.open(found[0]) as member:
                return member.read(MAX_BODY)
    except _BROKEN_ZIP:
        raise Unreachable("The result's zip is broken. Send the picture again.") from None
