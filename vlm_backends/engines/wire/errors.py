"""What an error reply means: any status and body becomes one error with a sentence and a next step."""

import json
import re
from contextlib import suppress

from vlm_backends.errors import BadPrompt, Gone, MissingKey, Refused, Unreachable, VLMError
from vlm_backends.text import clean

_PATIENCE = 30.0  # seconds: a longer Retry-After is told to the user instead
_RETRIED = (429, 502, 503, 504)
_BARE = "Internal Server Error"  # all that a gateway says when the process behind it is gone
_WITHDRAWN = re.compile(
    r"function .*not found|page not found|no endpoints found for|"
    r"(model|deployment)\b.{0,200}(not found|does not exist)",
    re.I | re.S,
)
_UNKNOWN = re.compile(
    r"invalid model name|not a valid model|requested model .* does not exist|decommissioned", re.I
)
_MOST_DETAIL, _MOST_SENTENCE = 300, 1000  # characters
_OF_THE_QUESTION = (
    400,
    404,
    413,
    422,
    500,
)  # what servers answer to a question that their model cannot take
_CANNOT = tuple(
    (re.compile(said, re.I), sentence)
    for said, sentence in (
        (
            r"context.?(length|size|window)|maximum model length|prompt is too long|tokens exceed|"
            r"max_new_tokens` must be <=|must have less than \d+ tokens",
            "The question is longer than the model at {who} can take. Start a new chat, or send fewer words or a "
            "smaller picture.",
        ),
        (
            r"at most [1-9]\d* image",
            "The model at {who} takes fewer pictures at once. Start a new chat, or send fewer.",
        ),
        (
            r"at most 0 image|support (images?|image input|vision)\b|image input is not supported|for image input|"
            r"image_url is only supported|unknown variant .image_url|not a multimodal model",
            "The model at {who} takes no pictures. Choose one that does.",
        ),
    )
)
_KINDS = {kind.__name__: kind for kind in (BadPrompt, Gone, MissingKey, Refused, Unreachable)}

_SENTENCES = {
    400: "{who} could not use this request. Change the question, the picture or the parameters.",
    401: "{who} does not accept this key. Check it, or make a new one.",
    402: "The credits of this key are used up. Use another key, or choose another engine.",
    403: "This key may not call this model. Make one that includes the public API endpoints.",
    404: "{who} did not find what was asked for. Try again; if it stays so, choose another model.",
    413: "The picture is too large for {who}. Use a smaller one.",
    422: "{who} did not accept a part of this request. Change the question, the picture or the parameters.",
    429: "{who} has too many requests just now. Wait a minute and send it again.",
    500: "The model failed at {who} while it was answering. Try again, or change the picture.",
    502: "{who} could not reach its own model. Try again in a moment.",
    503: "{who} has no room, or is being serviced. Try again later, or choose another model.",
    504: "The model at {who} took too long. Try again, or use a smaller picture.",
    529: "{who} is overloaded. Try again in a few minutes.",
}


def explain(
    status: int,
    body: bytes,
    retry_after: str | None = None,
    who: str = "NVIDIA",
    key: str = "",
    absent: str = "",
) -> VLMError:
    """The error that this reply stands for; `again` is set when asking once more may help.

    `absent` is the sentence for a model that is not there, in place of its withdrawal.
    Understands problem+json, OpenAI's `error` object, FastAPI's `detail`, plain text and an empty body; what this
    project's own server met is the same error here. The key, should the service repeat it, is taken out.
    """
    wait = _seconds(retry_after)
    if met := _met(body, wait, key):
        return met
    detail = _detail(body, key)
    if (
        status == 410
        or status == 404
        and _WITHDRAWN.search(detail)
        or status == 400
        and _UNKNOWN.search(detail)
    ):
        return Gone(absent) if absent else _withdrawn(detail, who)
    sentence = _SENTENCES.get(status) or (
        "{who} refused this request." if status < 500 else "{who} failed. Try again in a moment."
    )
    if status in _OF_THE_QUESTION:
        sentence = next((cannot for said, cannot in _CANNOT if said.search(detail)), sentence)
    if wait and wait > _PATIENCE:
        sentence = (
            f"{{who}} asks to wait for {_words(wait)}. Come back then, or choose another model."
        )
    error = Refused(_joined(sentence.format(who=who), status, detail), status, detail)
    error.wait = wait
    if (status in _RETRIED or status == 500 and detail == _BARE) and (
        wait is None or wait <= _PATIENCE
    ):
        error.again = wait or 0.0
    return error


def _met(body: bytes, wait: float | None, key: str) -> VLMError | None:
    """The error that this project's own server met and passed on, in its very words; None for any other body."""
    try:
        told = json.loads(body)["error"]
        sentence, beside = told["message"], told["vlm"]
        kind, status, since = _KINDS[beside["kind"]], beside.get("status"), beside.get("since")
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(sentence, str):
        return None
    error = kind((sentence.replace(key, "[key]") if key else sentence)[:_MOST_SENTENCE])
    if isinstance(error, Refused):
        error.status, error.wait = status if isinstance(status, int) else 0, wait
    if isinstance(error, Gone):
        error.since = since if isinstance(since, str) else ""
    return error


def _withdrawn(detail: str, who: str) -> Gone:
    date = re.search(r"end of life on (\d{4}-\d{2}-\d{2})", detail)
    since = f" on {date[1]}" if date else ""
    error = Gone(
        f"This model was withdrawn by {who}{since}. Choose “This machine” as the engine for what can be computed here, "
        "or a model that is still live."
    )
    error.since = date[1] if date else ""
    return error


def _joined(sentence: str, status: int, detail: str) -> str:
    return f"{sentence} (It said: {status} {detail})" if detail else f"{sentence} (Status {status})"


def _detail(body: bytes, key: str) -> str:
    """The service's own words without the key, on one line, cut to a length that a person reads."""
    text = body[:65536].decode(errors="replace").strip()
    try:
        words = _words_of(json.loads(text)) if text[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        words = text
    if words.lstrip().startswith("<"):
        words = "a web page instead of an answer"
    words = " ".join(clean(words.replace(key, "[key]") if key else words).split())
    return words if len(words) <= _MOST_DETAIL else words[: _MOST_DETAIL - 1] + "…"


def _words_of(value: object) -> str:
    """The first thing in a JSON error that is meant to be read; what a provider behind the service said goes first."""
    if isinstance(value, dict):
        for name in ("metadata", "raw", "detail", "error", "message", "msg", "title"):
            if name in value and (words := _words_of(value[name])):
                return _placed(words, value.get("loc"))
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words_of, value[:5])))
    if not isinstance(value, str):
        return ""
    with suppress(ValueError):  # a body within a body
        return value.startswith("{") and _words_of(json.loads(value)) or value
    return value


def _placed(words: str, place: object) -> str:
    """The words with the place in the request that FastAPI names beside them."""
    where = ".".join(map(str, place[1:])) if isinstance(place, list) else ""
    return f"{where}: {words}" if where else words


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after))
    except (TypeError, ValueError):
        return None


def _words(seconds: float) -> str:
    return (
        f"{seconds / 3600:.0f} hours" if seconds >= 7200 else f"{max(1, seconds / 60):.0f} minutes"
    )
