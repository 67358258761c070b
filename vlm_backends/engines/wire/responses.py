"""Parse a reply's JSON: words, regions, an error inside a stream, or an address."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from vlm_backends.engines.wire import regions as wire_regions
from vlm_backends.engines.wire.messages import ending_of, words_of
from vlm_backends.errors import Unreachable, VLMError
from vlm_backends.types import Chunk, Region, Sent

Refuse = Callable[[int | None, bytes], VLMError]  # the status and JSON of an error to the VLMError
_MAX_NOTE = 1000  # characters
_MAX_SIDE, _MAX_CELL = 1_000, 2_000  # rows or columns of a table, and characters of a cell
_ERROR_FIELDS = (  # what only errors have beside `choices`, or in place of it
    "error", "errors", "detail", "title", "message", "msg", "error_message", "error_msg", "fault",
)  # fmt: skip
_STATUS_FIELDS = "code", "status", "status_code", "statusCode", "http_status_code", "error_code"


def parse_chunks(payloads: Iterable[dict], sent: Sent | None, refuse: Refuse) -> Iterator[Chunk]:
    """Yield the chunks in a stream's deltas or in a whole message.

    `sent` is how the newest picture travelled: Florence-2's regions are in pixels of it. Some
    servers end a stream with the whole message: only what is new in it is yielded. Raises what
    `refuse` makes of an error, after the words that came before it or with it, and Unreachable for
    JSON that is no answer.
    """
    repetitions, has_json, is_answer = _Repetitions(), False, False
    for payload in payloads:
        choice = _first_choice(payload)
        if piece := repetitions.removed(_chunk(payload, choice, sent), choice):
            yield piece
        if error := _error(payload, choice):
            raise refuse(_error_status(error), json.dumps(error).encode())
        has_json, is_answer = True, is_answer or "choices" in payload
    if has_json and not is_answer:
        raise Unreachable(
            "The service sent something that is not an answer. Try again in a moment."
        )


def _chunk(payload: dict, choice: dict, sent: Sent | None) -> Chunk | None:
    """Return what a payload adds to the answer; None when it says nothing."""
    if _is_plain(payload, choice):
        return Chunk(choice["delta"]["content"])
    message = _message(choice)
    words, finish = words_of(message), ending_of(choice)
    text, entities = words.text + words.refusal, message.get("entities")
    if not (finish or words.thought or words.refusal or entities or _has_more(payload, message)):
        return Chunk(text) if text else None
    if words.refusal:
        finish = "refusal"
    elif not finish and (message.get("tool_calls") or message.get("function_call")):
        finish = "tool_calls"
    piece = Chunk(
        text,
        wire_regions.regions(entities, text, sent),
        tokens=_tokens(payload),
        thought=words.thought,
        finish="" if finish == "error" else finish,
        **_extras(payload.get("vlm")),
    )
    return None if piece == Chunk() else piece


def _is_plain(payload: dict, choice: dict) -> bool:
    """Return True for a delta of words and nothing else, as nearly all chunks of a stream are."""
    delta = choice.get("delta")
    if not isinstance(delta, dict) or choice.get("finish_reason") or "message" in choice:
        return False
    content, more = delta.get("content"), len(delta) > 1 and delta.keys() - {"role", "content"}
    is_words = isinstance(content, str) and bool(content)
    return is_words and not (more or payload.get("usage") or payload.get("vlm"))


def _has_more(payload: dict, message: dict) -> bool:
    """Return True for a payload with something beside words."""
    names = "tool_calls", "function_call"
    return bool(payload.get("usage") or payload.get("vlm") or any(map(message.get, names)))


def _message(choice: dict) -> dict:
    """Return the part of a choice that has the words: the whole message, or else the delta."""
    delta, whole = _dict(choice.get("delta")), _dict(choice.get("message"))
    if whole and (not delta or any(words_of(whole))):
        return whole
    return delta or {"content": choice.get("text")}  # as in OpenAI's older API


class _Repetitions:
    """Removes what the end of a stream repeats of it.

    The last chunk may have the whole message in place of a delta, or all words as its delta.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._regions: set[Region] = set()

    def removed(self, piece: Chunk | None, choice: dict) -> Chunk | None:
        """Return what is new in a chunk; None when nothing is."""
        if piece is None:
            return None
        is_whole = "message" in choice and _message(choice) is choice["message"]
        if is_whole or choice.get("finish_reason"):
            piece = piece._replace(
                text=_new(piece.text, self._texts, is_whole),
                thought=_new(piece.thought, self._thoughts, is_whole),
                regions=tuple(each for each in piece.regions if each not in self._regions),
            )
        self._texts += filter(None, [piece.text])
        self._thoughts += filter(None, [piece.thought])
        self._regions.update(piece.regions)
        return None if piece == Chunk() else piece


def _new(words: str, given: list[str], is_whole: bool) -> str:
    """Return what the words add to those that were given in pieces before."""
    known = "".join(given)
    if is_whole and known:
        return words[len(known) :] if words.startswith(known) else ""
    return "" if words == known and len(given) > 1 else words


def _first_choice(payload: dict) -> dict:
    try:
        return _dict(payload["choices"][0])
    except (LookupError, TypeError):
        return {}


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _error(payload: dict, choice: dict) -> dict | None:
    """Return the error that a payload reports, None when it reports none.

    It stands in the payload, in its choice, or it is the payload: an error object of OpenAI's, of
    FastAPI's, or problem details (RFC 9457).
    """
    if _is_set(payload.get("error")) or "error" in (payload.get("object"), payload.get("type")):
        return payload
    if _is_set(choice.get("error")):
        return {"error": choice["error"]}
    if ending_of(choice) == "error":
        return {"error": {"message": f"finish_reason: {choice['finish_reason']}"}}
    is_alone = not payload.get("choices") and not isinstance(payload.get("message"), dict)
    return payload if is_alone and any(map(payload.get, _ERROR_FIELDS)) else None


def _is_set(error: object) -> bool:
    """Return False for an error field that some servers leave empty in every answer."""
    return any(error.values()) if isinstance(error, dict) else bool(error)


def _error_status(error: dict) -> int | None:
    """Return the HTTP status that an error inside a reply names; None when it names none."""
    for found in (_dict(error.get("error")), error):
        codes = (str(found.get(name)) for name in _STATUS_FIELDS)
        if code := next((code for code in codes if re.fullmatch(r"[45]\d\d", code)), ""):
            return int(code)
    return 422 if isinstance(error.get("detail"), list) else None  # as FastAPI sends it


def parse_asset(answer: dict) -> tuple[str, str]:
    """Return the id of an announced asset, and the address to put it at. Raises Unreachable."""
    id, url = answer.get("assetId"), answer.get("uploadUrl")
    if not isinstance(id, str) or not _is_id(id) or not isinstance(url, str):
        raise Unreachable("NVIDIA's asset store did not say where to put the picture. Try again.")
    return id, url


def job_id(headers: Mapping[str, str]) -> str:
    """Return the id of a job that was begun, from the response's headers. Raises Unreachable."""
    id = headers.get("NVCF-REQID", "")
    if not _is_id(id):
        raise Unreachable(
            "NVIDIA accepted the request but did not say how to ask for its result. Try again."
        )
    return id


def _is_id(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum()


def _extras(vlm: object) -> dict[str, Any]:
    """Return what this project's own server sends besides the words, as fields of a Chunk."""
    fields = vlm if isinstance(vlm, dict) else {}
    extras: dict[str, Any] = {
        name: fields[name][:_MAX_NOTE]
        for name in ("note", "status")
        if isinstance(fields.get(name), str)
    }
    if rows := _rows(fields.get("rows")):
        extras["rows"] = rows
    return extras | ({"literal": True} if fields.get("literal") is True else {})


def _rows(rows: object) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a table, all as long as the first; none for anything else."""
    if not isinstance(rows, list) or not 0 < len(rows) <= _MAX_SIDE:
        return ()
    width = len(rows[0]) if isinstance(rows[0], list) else 0
    is_table = 0 < width <= _MAX_SIDE and all(
        isinstance(row, list) and len(row) == width and all(isinstance(cell, str) for cell in row)
        for row in rows
    )
    return tuple(tuple(cell[:_MAX_CELL] for cell in row) for row in rows) if is_table else ()


def _tokens(payload: dict) -> int | None:
    usage = payload.get("usage")
    count = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None
