"""Explain error responses: any status and body becomes one error with a sentence."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass

from vlm_backends.errors import BadPrompt, Gone, MissingKey, Refused, Unreachable, VLMError
from vlm_backends.text import clean, one_line

_MAX_RETRY_AFTER = 30.0  # seconds: the user is told of a longer wait instead
_MAX_DETAIL, _MAX_SENTENCE = 300, 1000  # characters
_MAX_BODY = 65536  # bytes of an error response that are parsed
_RETRYABLE = 429, 502, 503, 504
_BARE_500 = "Internal Server Error"  # a gateway's whole message when its backend is gone
_FRAME = re.compile(  # of a server-sent event, which some servers put around an error
    r"^data: *\[DONE\]\s*|^(?:(?:event|id|retry):.*\s+)*(?:data|error):", re.M
)
_WORDS = (  # the fields that are meant to be read, the most telling ones first
    "metadata", "raw", "detail", "errors", "error", "message", "msg", "error_message", "error_msg",
    "title",
)  # fmt: skip
_KINDS = {kind.__name__: kind for kind in (BadPrompt, Gone, MissingKey, Refused, Unreachable)}

_SENTENCES = {
    400: "{who} could not use this request. Change the question, the picture or the parameters.",
    401: "{who} does not accept this key. Check it, or make a new one.",
    402: "The credits of this key are used up. Use another key, or choose another engine.",
    403: "This key may not call this model. Make one that includes the public API endpoints.",
    404: "{who} did not find what was asked for. Try again; if it stays so, choose another model.",
    413: "The picture is too large for {who}. Use a smaller one.",
    422: "{who} did not accept a part of this request. Change the question, the picture or the "
    "parameters.",
    429: "{who} has too many requests just now. Wait a minute and send it again.",
    500: "The model failed at {who} while it was answering. Try again, or change the picture.",
    502: "{who} could not reach its own model. Try again in a moment.",
    503: "{who} has no room, or is being serviced. Try again later, or choose another model.",
    504: "The model at {who} took too long. Try again, or use a smaller picture.",
    529: "{who} is overloaded. Try again in a few minutes.",
}


@dataclass(frozen=True)
class _Pattern:
    """Recognises an error by its status and by the service's own words."""

    statuses: tuple[int, ...]
    words: re.Pattern[str]
    sentence: str = ""

    def matches(self, status: int, detail: str) -> bool:
        return status in self.statuses and bool(self.words.search(detail))


# the model does not exist, or no longer does
_GONE = (
    _Pattern((410,), re.compile("")),
    _Pattern(
        (404,),
        re.compile(
            r"function .*not found|page not found|no endpoints found for|"
            r"(model|deployment)\b.{0,200}(not found|does not exist)",
            re.I | re.S,
        ),
    ),
    _Pattern(
        (400,),
        re.compile(
            r"invalid model name|not a valid model|requested model .* does not exist|"
            r"decommissioned",
            re.I,
        ),
    ),
)

# servers use any of these statuses for input that a model cannot take
_INPUT_STATUSES = 400, 404, 413, 422, 500
_UNSUPPORTED_INPUT = (
    _Pattern(
        _INPUT_STATUSES,
        re.compile(
            r"context.?(length|size|window)|maximum model length|prompt is too long|tokens exceed|"
            r"max_new_tokens` must be <=|must have less than \d+ tokens",
            re.I,
        ),
        "The question is longer than the model at {who} can take. Start a new chat, or send fewer "
        "words or a smaller picture.",
    ),
    _Pattern(
        _INPUT_STATUSES,
        re.compile(r"at most [1-9]\d* image", re.I),
        "The model at {who} takes fewer pictures at once. Start a new chat, or send fewer.",
    ),
    _Pattern(
        _INPUT_STATUSES,
        re.compile(
            r"at most 0 image|support (images?|image input|vision)\b|image input is not supported|"
            r"for image input|image_url is only supported|unknown variant .image_url|"
            r"not a multimodal model",
            re.I,
        ),
        "The model at {who} takes no pictures. Choose one that does.",
    ),
)


def explain(
    status: int | None,
    body: bytes,
    retry_after: str | None = None,
    who: str = "NVIDIA",
    key: str = "",
    absent: str = "",
) -> VLMError:
    """Return the error that a response stands for; its `retry_delay` is set when a retry may help.

    Understands problem+json, OpenAI's `error` object, FastAPI's `detail`, plain text and an empty
    body. An error that this project's own server passed on is the same error here. A `status` of
    None, for an error that names none, counts as 500. `who` names the service, `absent` is the
    sentence for a model that is not there, in place of its withdrawal. The key is redacted, in case
    the service repeats it.
    """
    told, status = status, status or 500
    wait = _seconds(retry_after)
    if passed_on := _passed_on(body, wait, key):
        return passed_on
    detail = _detail(body, key)
    if any(pattern.matches(status, detail) for pattern in _GONE):
        return Gone(absent) if absent else _withdrawn(detail, who)
    sentence = _sentence(status, detail, wait).format(who=who)
    if detail:
        sentence += f" (It said: {told} {detail})" if told else f" (It said: {detail})"
    elif told:
        sentence += f" (Status {told})"
    delay = _retry_delay(status, detail, wait)
    return Refused(sentence, status, detail, retry_after=wait, retry_delay=delay)


def _sentence(status: int, detail: str, wait: float | None) -> str:
    """Choose the sentence for a refusal; `{who}` in it stands for the service."""
    if wait and wait > _MAX_RETRY_AFTER:
        time = _in_words(wait)
        return f"{{who}} asks to wait for {time}. Come back then, or choose another model."
    for pattern in _UNSUPPORTED_INPUT:
        if pattern.matches(status, detail):
            return pattern.sentence
    other = (
        "{who} refused this request." if status < 500 else "{who} failed. Try again in a moment."
    )
    return _SENTENCES.get(status, other)


def _retry_delay(status: int, detail: str, wait: float | None) -> float | None:
    delay = wait or 0.0
    may_retry = status in _RETRYABLE or status == 500 and detail == _BARE_500
    return delay if may_retry and delay <= _MAX_RETRY_AFTER else None


def _passed_on(body: bytes, wait: float | None, key: str) -> VLMError | None:
    """Return the error that this project's own server passed on; None for another body."""
    try:
        error = json.loads(body)["error"]
        sentence, details = error["message"], error["vlm"]
        kind, status, since = _KINDS[details["kind"]], details.get("status"), details.get("since")
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    if not isinstance(sentence, str):
        return None
    sentence = _redact(key, sentence)[:_MAX_SENTENCE]
    if kind is Refused:
        return Refused(sentence, status if isinstance(status, int) else 0, retry_after=wait)
    if kind is Gone:
        return Gone(sentence, since=since if isinstance(since, str) else "")
    return kind(sentence)


def _withdrawn(detail: str, who: str) -> Gone:
    date = re.search(r"end of life on (\d{4}-\d{2}-\d{2})", detail)
    since = date[1] if date else ""
    return Gone(
        f"This model was withdrawn by {who}{' on ' if since else ''}{since}. Choose "
        "“Built-in tools” for what can be computed here, or a model that is still live.",
        since=since,
    )


def _detail(body: bytes, key: str) -> str:
    """Return the service's own message without the key, on one line of 300 characters at most."""
    text = _FRAME.sub("", body[:_MAX_BODY].decode(errors="replace")).strip()
    try:
        words = _error_text(json.loads(text)) if text[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        words = text
    if words.lstrip().startswith("<"):
        words = "a web page instead of an answer"
    return one_line(clean(_redact(key, words)), _MAX_DETAIL)


def _redact(key: str, text: str) -> str:
    return text.replace(key, "[key]") if key else text


def _error_text(value: object) -> str:
    """Return the first text in a JSON error that is meant to be read.

    The words of a provider behind the service come before the service's own.
    """
    if isinstance(value, dict):
        for name in _WORDS:
            if name in value and (words := _error_text(value[name])):
                return _with_place(words, value.get("loc"))
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_error_text, value[:5])))
    if not isinstance(value, str):
        return ""
    with suppress(ValueError):  # a JSON body inside a JSON string
        return value.startswith("{") and _error_text(json.loads(value)) or value
    return value


def _with_place(words: str, place: object) -> str:
    """Put the field of the request that FastAPI names before the words."""
    where = ".".join(map(str, place[1:])) if isinstance(place, list) else ""
    return f"{where}: {words}" if where else words


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None


def _in_words(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.0f} hours"
    return f"{max(1, seconds / 60):.0f} minutes"
