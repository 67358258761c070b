"""From bytes to JSON objects, without a socket: server-sent events, one JSON body, the result inside a zip."""

import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator

import orjson

from vlm_backends.errors import Unreachable

MOST_BODY = 32 * 2**20  # bytes of a whole body, and of a zip
_MOST_JSON = 8 * 2**20  # characters, and bytes of a line: as objects they take twenty times as much
_MOST_ENTRIES = 256
_MOST_RATIO = 200  # a JSON answer packs by 10 or so; a bomb by 1,000
_BROKEN_ZIP = (  # what zipfile and the packings that it knows raise
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
_DONE = b"[DONE]"
_LINE_END = re.compile(rb"\r\n|\r|\n")


def events(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each server-sent event, however the bytes were cut (WHATWG HTML, section 9.2)."""
    data, size = [], 0  # of an event that has not ended
    parts, held, after_cr = (
        [],
        0,
        False,
    )  # of a line that has not ended: joined once, however many pieces it has
    for piece in pieces:
        if not parts and not data and (whole := _whole(piece)) is not None:
            after_cr = False
            yield whole
            continue
        if after_cr and piece:
            piece, after_cr = piece.removeprefix(b"\n"), False
        if b"\r" in piece:
            after_cr = piece.endswith(b"\r")
            *lines, rest = _LINE_END.split(piece)
        else:
            *lines, rest = piece.split(b"\n")
        if lines:
            lines[0] = b"".join((*parts, lines[0]))
            parts, held = [], 0
        if rest:
            parts.append(rest)
            held += len(rest)
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
                size += len(line)
            elif not line and data:
                yield b"\n".join(data)
                data, size = [], 0
        if size + held > _MOST_JSON:
            raise _endless()
    if (rest := b"".join(parts)).startswith(b"data:"):
        data.append(rest[5:].removeprefix(b" "))
    if data == [
        _DONE
    ]:  # some servers end without the blank line; anything else there is half an event
        yield _DONE


def _whole(piece: bytes) -> bytes | None:
    """The data of a piece that is one whole event of one line, as nearly all servers send them."""
    if piece.startswith(b"data: ") and piece.endswith(b"\n\n"):
        line = piece[6:-2]
        if b"\n" not in line and b"\r" not in line:
            return line
    return None


def _endless() -> Unreachable:
    return Unreachable(
        "The answer was broken off: a single part of it was too long to be true. Try again."
    )


def streamed(pieces: Iterable[bytes]) -> Iterator[dict]:
    """The JSON objects of an event stream; Unreachable when it ends before `[DONE]` or the reason of its end."""
    ended = False
    for event in events(pieces):
        if event.strip() == _DONE:
            return
        payload = _object(event)
        ended = ended or _ends(payload)
        yield payload
    if not ended:
        raise Unreachable(
            "The answer broke off before its end. What had arrived is kept; send the question again."
        )


def _ends(payload: dict) -> bool:
    """True when it names why the reply ends; some servers, such as `transformers serve`, say no more after that."""
    try:
        return isinstance(payload["choices"][0]["finish_reason"], str)
    except (LookupError, TypeError):
        return False


def single(body: bytes) -> dict:
    """The JSON object of a whole body, which may come inside a zip as its `*.response` member."""
    return _object(_unzipped(body) if body.startswith(b"PK") else body)


def _object(data: bytes) -> dict:
    if len(data) > _MOST_JSON:
        raise _endless()
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _lenient(data.decode(errors="replace"))
    if not isinstance(value, dict):
        raise Unreachable(
            "The service sent something that is not an answer. Try again in a moment."
        )
    return value


def _lenient(text: str) -> object:
    """What Python reads of JSON that a strict reader refuses: NaN, half a surrogate pair, bytes that are no UTF-8."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreachable(
            f"The service sent {_kind(text)} instead of an answer. Try again in a moment."
        ) from None


def _kind(text: str) -> str:
    if not text.strip():
        return "nothing"
    return "a web page" if text.lstrip().startswith("<") else "half an answer or plain text"


def _unzipped(data: bytes) -> bytes:
    """The bytes of the zip's `*.response` member, read in memory, never extracted to a file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_ENTRIES:
                raise Unreachable("The result's zip holds far too many files; it was not opened.")
            found = [member for member in members if member.filename.endswith(".response")]
            if not found:
                raise Unreachable("The result's zip holds no answer. Send the picture again.")
            size, packed = found[0].file_size, found[0].compress_size
            if size > MOST_BODY or size > 2**20 and size > _MOST_RATIO * max(packed, 1):
                raise Unreachable("The result's zip is a bomb, or broken; it was not opened.")
            with archive.open(found[0]) as member:
                return member.read(MOST_BODY)
    except _BROKEN_ZIP:
        raise Unreachable("The result's zip is broken. Send the picture again.") from None
