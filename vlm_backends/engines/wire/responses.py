"""What one reply says: words, regions, an error in the midst of a stream, or where something is."""

import json
import re
from collections.abc import Mapping

from vlm_backends.engines.wire import regions as wire_regions
from vlm_backends.engines.wire.errors import explain
from vlm_backends.errors import Unreachable
from vlm_backends.types import Chunk, Sent

_MOST = 1000  # characters of a note


def chunk(payload: dict, sent: Sent | None, who: str, key: str) -> Chunk | None:
    """The words and regions of a stream's delta or of a whole message, if any. Raises what its `error` stands for."""
    if payload.get("error") or payload.get("object") == "error":
        raise explain(_status(payload), json.dumps(payload).encode(), who=who, key=key)
    try:
        choice = payload["choices"][0]
        message = choice.get("delta") or choice.get("message")
        text = message.get("content")
    except (LookupError, TypeError, AttributeError):  # it has another shape, and says nothing
        message, text = {}, ""
    if not isinstance(text, str):
        text = _text(text)
    if not (message.get("entities") or payload.get("usage") or payload.get("vlm")):
        return Chunk(text) if text else None  # what nearly all of a stream is made of
    regions, tokens = wire_regions.regions(message.get("entities"), text, sent), _tokens(payload)
    beside = _beside(payload.get("vlm"))
    return (
        Chunk(text, regions, tokens=tokens, **beside)
        if text or regions or tokens or beside
        else None
    )


def announced(answer: dict) -> tuple[str, str]:
    """The id of an asset that was announced, and where to put it."""
    id, url = answer.get("assetId"), answer.get("uploadUrl")
    if not isinstance(id, str) or not _is_id(id) or not isinstance(url, str):
        raise Unreachable("NVIDIA's asset store did not say where to put the picture. Try again.")
    return id, url


def job_of(headers: Mapping[str, str]) -> str:
    """The id of a job that was begun."""
    id = headers.get("NVCF-REQID", "")
    if not _is_id(id):
        raise Unreachable(
            "NVIDIA accepted the request but did not say how to ask for its result. Try again."
        )
    return id


def _is_id(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum()


def _text(content: object) -> str:
    """The words of a message, which some servers send in parts."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _beside(vlm: object) -> dict:
    """What this project's own server says beside the words; nothing from any other."""
    found = vlm if isinstance(vlm, dict) else {}
    said = {
        name: found[name][:_MOST] for name in ("note", "status") if isinstance(found.get(name), str)
    }
    return said | ({"literal": True} if found.get("literal") is True else {})


def _tokens(payload: dict) -> int | None:
    usage = payload.get("usage")
    count = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None


def _status(payload: dict) -> int:
    """The HTTP status that an error names inside of a reply, as a number or in digits."""
    error = payload.get("error")
    found = error if isinstance(error, dict) else payload
    codes = (str(found.get(name)) for name in ("code", "status", "http_status_code"))
    return next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), 500)
