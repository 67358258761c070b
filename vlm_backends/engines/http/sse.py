"""Read server-sent events from bytes, also where servers bend the format.

Nothing here opens a connection. Source of the format: WHATWG HTML, section 9.2.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from vlm_backends.errors import Unreachable

DONE = b"[DONE]"
MAX_JSON = 8 * 2**20  # bytes of an event or a body: as objects they take twenty times as much
_BOM = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"(?:data|event|id|retry|error)?:")  # how a stream of events begins
_LONGEST_FIELD = 6  # bytes
_OTHER_BODIES = b"{", b"[", b"<", b"PK"  # JSON, a web page, a zip
_LINE_END = re.compile(rb"\r\n|\r|\n")


class ErrorEvent(bytes):
    """The data of an event that is an error by its name or its field, whatever it holds."""


def peek(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of a body, and all of its pieces with these before them.

    A byte order mark and blanks before the body are left out.
    """
    head = b""
    for piece in pieces:
        head = (head + piece).removeprefix(_BOM).lstrip()
        if len(head) >= _LONGEST_FIELD:
            break
    return head, chain([head] if head else [], pieces)


def is_event_stream(head: bytes, content_type: str) -> bool:
    """Return True for a stream of events; its first bytes tell, since servers mislabel it."""
    if head.startswith(_OTHER_BODIES) and not head.startswith(DONE):
        return False
    return content_type.lower().startswith("text/event-stream") or bool(_FIELD.match(head))


def events(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the data of each event, however the bytes were cut.

    Some servers send errors in ways of their own: an event named `error` and a field `error` are
    given as an ErrorEvent, JSON without a field as an event. Raises Unreachable for an event of
    more than 8 MiB.
    """
    lines, builder = _LineSplitter(), _EventBuilder()
    for piece in pieces:
        if not (builder.size or lines.pending_size) and (whole := _whole_event(piece)) is not None:
            lines.after_cr = False
            yield whole
            continue
        for line in lines.feed(piece):
            if line or builder.size:  # a flood of empty lines costs nothing
                yield from builder.feed(line)
        if builder.size + lines.pending_size > MAX_JSON:
            raise too_long()
    # Some servers end without the last blank line. Otherwise an event that is not whole broke off.
    rest = *builder.feed(lines.unfinished()), *builder.take()
    yield from (event for event in rest if _is_whole(event))


def too_long() -> Unreachable:
    """Return the error for a part of an answer that is beyond all measure."""
    return Unreachable(
        "The answer was broken off: a single part of it was far too long. Try again."
    )


class _EventBuilder:
    """Collects the lines of an event."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._data: list[bytes] = []
        self._name = b""
        self._is_bare = False  # JSON without the field `data`
        self.size = 0  # bytes of the event so far

    def feed(self, line: bytes) -> Iterator[bytes]:
        """Take a line without its end; yield the events that end with it, or before it."""
        if line.startswith(b"data:"):
            if self._is_bare:
                yield from self.take()
            self._add(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            self._name, self.size = line[6:].strip(), self.size + len(line)
        elif line.startswith(b"error:"):
            yield ErrorEvent(line[6:])
        elif line.startswith((b"{", b"[")):
            yield from self._begin_bare(line)
        elif self._data and line[:1] in (b" ", b"\t", b"}", b"]", b'"'):  # more of such JSON
            self._add(line)
        elif not line:
            yield from self.take()

    def take(self) -> Iterator[bytes]:
        """Yield the event so far, if there is any, and begin the next one."""
        whole, is_error = b"\n".join(self._data), b"error" in self._name.lower()
        if self._data or is_error:
            yield ErrorEvent(whole) if is_error else whole
        self._clear()

    def _begin_bare(self, line: bytes) -> Iterator[bytes]:
        if self._data:
            yield from self.take()
        self._is_bare = True
        self._add(line)
        if line.rstrip().endswith((b"}", b"]")):  # it is told at once: the server may stay silent
            yield from self.take()

    def _add(self, data: bytes) -> None:
        self._data.append(data)
        self.size += len(data) + 1


def _is_whole(event: bytes) -> bool:
    """Return True for the last event of a stream when nothing of it is missing."""
    if isinstance(event, ErrorEvent) or event.strip() == DONE:
        return True
    try:
        return isinstance(json.loads(event), (dict, list))
    except (ValueError, RecursionError):
        return False


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
