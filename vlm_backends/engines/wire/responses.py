"""Parse a reply's JSON: words, regions, an error inside a stream, or an address."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vlm_backends.engines.wire import regions as wire_regions
from vlm_backends.engines.wire.errors import explain
from vlm_backends.errors import Unreachable
from vlm_backends.types import Chunk, Sent

_MAX_NOTE = 1000  # characters
_USUAL_ENDINGS = "", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "STOP"


def parse_chunks(
    payloads: Iterable[dict], sent: Sent | None, who: str, key: str
) -> Iterator[Chunk]:
    """Yield the chunks of a reply's payloads; the parameters are as in `parse_chunk`.

    Some servers end a stream with the whole message: only what is new in it is yielded.
    """
    text = thought = ""
    for payload in payloads:
        piece = parse_chunk(payload, sent, who, key)
        if piece is None:
            continue
        if (text or thought) and "message" in _first_choice(payload):
            piece = piece._replace(
                text=_rest(piece.text, text), thought=_rest(piece.thought, thought)
            )
        text, thought = text + piece.text, thought + piece.thought
        yield piece


def parse_chunk(payload: dict, sent: Sent | None, who: str, key: str) -> Chunk | None:
    """Return the chunk in a stream's delta or in a whole message; None when it says nothing.

    `sent` is how the newest picture travelled: Florence-2's regions are in pixels of it. Raises the
    VLMError that an error in the payload stands for; `who` and `key` are as in `explain`.
    """
    choice = _first_choice(payload)
    if error := _error(payload, choice):
        raise explain(_error_status(error), json.dumps(error).encode(), who=who, key=key)
    message = _dict(choice.get("delta")) or _dict(choice.get("message"))
    text, finish = _text(message.get("content")), _ending(choice, message)
    fields = ("entities", "reasoning_content", "reasoning", "refusal")
    if not (finish or payload.get("usage") or payload.get("vlm") or any(map(message.get, fields))):
        return Chunk(text) if text else None  # nearly all pieces of a stream end here
    text += _text(message.get("refusal"))
    found = wire_regions.regions(message.get("entities"), text, sent)
    thought = _text(message.get("reasoning_content") or message.get("reasoning"))
    tokens, extras = _tokens(payload), _extras(payload.get("vlm"))
    if text or found or thought or finish or tokens or extras:
        return Chunk(text, found, tokens=tokens, thought=thought, finish=finish, **extras)
    return None


def _first_choice(payload: dict) -> dict:
    try:
        return _dict(payload["choices"][0])
    except (LookupError, TypeError):
        return {}


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _rest(whole: str, known: str) -> str:
    """Return what a whole message adds to the words that are known of it."""
    return whole.removeprefix(known) if whole.startswith(known) else ""


def _error(payload: dict, choice: dict) -> dict | None:
    """Return the error that a payload reports, None when it reports none.

    It stands in the payload, in its choice, or it is the payload: an error object of OpenAI's, or
    problem details (RFC 9457).
    """
    if payload.get("error") or "error" in (payload.get("object"), payload.get("type")):
        return payload
    if choice.get("error") or choice.get("finish_reason") == "error":
        return {"error": choice.get("error") or {}}
    if not payload.get("choices") and {"status", "title"} <= payload.keys():
        return payload
    return None


def _ending(choice: dict, message: dict) -> str:
    """Return why a reply ends, where it is not the usual end; "" otherwise."""
    reason = choice.get("finish_reason")
    if message.get("refusal"):
        return "refusal"
    return reason if isinstance(reason, str) and reason not in _USUAL_ENDINGS else ""


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


def _text(content: object) -> str:
    """Return the words of a message's field, which some servers send in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _extras(vlm: object) -> dict[str, Any]:
    """Return what this project's own server sends besides the words, as fields of a Chunk."""
    fields = vlm if isinstance(vlm, dict) else {}
    extras: dict[str, Any] = {
        name: fields[name][:_MAX_NOTE]
        for name in ("note", "status")
        if isinstance(fields.get(name), str)
    }
    return extras | ({"literal": True} if fields.get("literal") is True else {})


def _tokens(payload: dict) -> int | None:
    usage = payload.get("usage")
    count = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None


def _error_status(payload: dict) -> int:
    """Return the HTTP status that an error inside a reply names; 500 when it names none."""
    error = payload.get("error")
    found = error if isinstance(error, dict) else payload
    codes = (str(found.get(name)) for name in ("code", "status", "http_status_code"))
    return next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), 500)
