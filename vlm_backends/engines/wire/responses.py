"""Parse a reply's JSON: words, regions, an error inside a stream, or an address."""

import json
import re
from collections.abc import Mapping
from typing import Any

from vlm_backends.engines.wire import regions as wire_regions
from vlm_backends.engines.wire.errors import explain
from vlm_backends.errors import Unreachable
from vlm_backends.types import Chunk, Sent

_MAX_NOTE = 1000  # characters


def parse_chunk(payload: dict, sent: Sent | None, who: str, key: str) -> Chunk | None:
    """Return the chunk in a stream's delta or in a whole message; None when it says nothing.

    `sent` is how the newest picture travelled: Florence-2's regions are in pixels of it. Raises the
    VLMError that its `error` stands for; `who` and `key` are as in `explain`.
    """
    if payload.get("error") or payload.get("object") == "error":
        raise explain(_error_status(payload), json.dumps(payload).encode(), who=who, key=key)
    message, text = _message(payload)
    if not (message.get("entities") or payload.get("usage") or payload.get("vlm")):
        return Chunk(text) if text else None  # nearly all pieces of a stream end here
    regions = wire_regions.regions(message.get("entities"), text, sent)
    tokens, extras = _tokens(payload), _extras(payload.get("vlm"))
    if text or regions or tokens or extras:
        return Chunk(text, regions, tokens=tokens, **extras)
    return None


def _message(payload: dict) -> tuple[dict, str]:
    """Return the first choice's message and text; both empty when the shape is another."""
    try:
        choice = payload["choices"][0]
        message = choice.get("delta") or choice.get("message")
        text = message.get("content")
    except (LookupError, TypeError, AttributeError):
        return {}, ""
    return message, text if isinstance(text, str) else _text_of_parts(text)


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


def _text_of_parts(content: object) -> str:
    """Return the words of a message, which some servers send in parts."""
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
