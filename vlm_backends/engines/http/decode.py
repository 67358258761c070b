"""Decode bytes into JSON objects: server-sent events, one JSON body, a result inside a zip.

Nothing here opens a connection.
"""

import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

import orjson

from vlm_backends.errors import Unreachable

MAX_BODY = 32 * 2**20  # bytes of a whole body, and of a zip
_MAX_JSON = 8 * 2**20  # bytes of an event or a body: as objects they take twenty times as much
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
_BOM, _DONE = b"\xef\xbb\xbf", b"[DONE]"
_FIELD = re.compile(rb"\s*(?:data|event|id|retry|error)?:")  # how a stream of events begins
_LONGEST_FIELD = 6
_LINE_END = re.compile(rb"\r\n|\r|\n")


class ErrorEvent(bytes):
    """The data of an event that is an error by its name or its field, whatever it holds."""


def peek(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes without a byte order mark, and all pieces with these before them."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head.removeprefix(_BOM).lstrip()) >= _LONGEST_FIELD:
            break
    head = head.removeprefix(_BOM)
    return head, chain([head] if head else [], pieces)


def is_event_stream(head: bytes, content_type: str) -> bool:
    """Return True for a stream of events; its first bytes tell, since servers mislabel it."""
    if head.lstrip()[:1] == b"{":
        return False
    return content_type.lower().startswith("text/event-stream") or bool(_FIELD.match(head))


def events(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of each server-sent event, however the bytes were cut.

    Follows WHATWG HTML, section 9.2. What servers send against it is an ErrorEvent: a field
    `error`, and a line of bare JSON. Raises Unreachable for an event of more than 8 MiB.
    """
    lines = _LineSplitter()
    data, size, name = [], 0, b""  # of an event that has not ended
    for piece in pieces:
        if not (data or name or lines.pending_size) and (whole := _whole_event(piece)) is not None:
            lines.after_cr = False
            yield whole
            continue
        for line in lines.feed(piece):
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
                size += len(line)
            elif line.startswith(b"event:"):
                name = line[6:].strip()
            elif line.startswith((b"error:", b"{")):
                yield ErrorEvent(line.removeprefix(b"error:"))
            elif not line:
                if data:
                    yield _event(name, data)
                data, size, name = [], 0, b""
        if size + lines.pending_size > _MAX_JSON:
            raise _too_long()
    if (rest := lines.unfinished()).startswith(b"data:"):
        data.append(rest[5:].removeprefix(b" "))
    # some servers end without the blank line; any other rest is an incomplete event
    if data == [_DONE]:
        yield _DONE


def _event(name: bytes, data: list[bytes]) -> bytes:
    whole = b"\n".join(data)
    return ErrorEvent(whole) if name == b"error" else whole


class _LineSplitter:
    """Cuts bytes into lines that end in LF, CR or CRLF.

    The parts of an unfinished line are joined once, however many there are.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.pending_size = 0  # bytes of the unfinished line
        # After a piece that ended in CR, an LF at the start of the next one belongs to it.
        self.after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that this piece completes, without their ends."""
        if self.after_cr and piece:
            piece, self.after_cr = piece.removeprefix(b"\n"), False
        if b"\r" in piece:
            self.after_cr = piece.endswith(b"\r")
            *lines, rest = _LINE_END.split(piece)
        else:
            *lines, rest = piece.split(b"\n")
        if lines:
            lines[0] = b"".join((*self._parts, lines[0]))
            self._parts, self.pending_size = [], 0
        if rest:
            self._parts.append(rest)
            self.pending_size += len(rest)
        return lines

    def unfinished(self) -> bytes:
        """Return the unfinished line."""
        return b"".join(self._parts)


def _whole_event(piece: bytes) -> bytes | None:
    """Return the data of a piece that is exactly one event of one line; None for any other.

    Nearly all servers send such pieces.
    """
    if piece.startswith(b"data: ") and piece.endswith(b"\n\n"):
        line = piece[6:-2]
        if b"\n" not in line and b"\r" not in line:
            return line
    return None


def _too_long() -> Unreachable:
    return Unreachable(
        "The answer was broken off: a single part of it was far too long. Try again."
    )


def event_payloads(pieces: Iterable[bytes]) -> Iterator[dict]:
    """Yield the JSON objects of an event stream.

    Raises Unreachable when it ends before `[DONE]` and before a `finish_reason`.
    """
    ended = False
    for event in events(pieces):
        words = event.strip()
        if words == _DONE:
            return
        if not words:
            continue
        payload = _error_object(words) if isinstance(event, ErrorEvent) else _parse_object(event)
        ended = ended or _has_finish_reason(payload)
        yield payload
    if not ended:
        raise Unreachable(
            "The answer broke off before its end. What had arrived is kept; send the question "
            "again."
        )


def _has_finish_reason(payload: dict) -> bool:
    """Return True for a payload that says why the reply ends: some servers send no `[DONE]`."""
    try:
        reason = payload["choices"][0]["finish_reason"]
    except (LookupError, TypeError):
        return False
    return isinstance(reason, str) and bool(reason)


def _error_object(data: bytes) -> dict:
    """Return an error event's JSON, put under `error`; other text becomes a message."""
    try:
        value = _parse_object(data)
    except Unreachable:
        return {"error": {"message": data.decode(errors="replace")}}
    return value if "error" in value or "choices" in value else {"error": value}


def body_payload(body: bytes) -> dict:
    """Return the JSON object of a whole body, or of the `*.response` member when it is a zip.

    Raises Unreachable.
    """
    return _parse_object(_unzipped(body) if body.startswith(b"PK") else body)


def _parse_object(data: bytes) -> dict:
    if len(data) > _MAX_JSON:
        raise _too_long()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _parse_leniently(data.decode(errors="replace"))
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
