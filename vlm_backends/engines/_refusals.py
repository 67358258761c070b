"""What an error reply means: any status and body becomes one error with a sentence and a next step."""

import json
import re

from vlm_backends.errors import Gone, Refused, VLMError

_PATIENCE = 30.0  # seconds: a longer Retry-After is told to the user instead
_RETRIED = (429, 502, 503, 504)
_WITHDRAWN = re.compile(r"function .*not found|page not found|model\b.{0,200}(not found|does not exist)", re.I | re.S)
_MOST_DETAIL = 300  # characters

_SENTENCES = {
    400: "{who} could not use this request. Change the question, the picture or the parameters.",
    401: "{who} does not accept this key. Check it, or make a new one.",
    402: "The credits of this key are used up. Use another key, or choose another engine.",
    403: "This key may not call this model. Make one that includes the public API endpoints.",
    404: "{who} did not find what was asked for. Try again; if it stays so, choose another model.",
    413: "The picture is too large for {who}. Use a smaller one.",
    422: "{who} did not accept a part of this request. Change the question, the picture or the parameters.",
    429: "Too many requests for this key just now. Wait a minute and send it again.",
    500: "The model failed at {who} while it was answering. Try again, or change the picture.",
    502: "{who} could not reach its own model. Try again in a moment.",
    503: "{who} has no room, or is being serviced. Try again later, or choose another model.",
    504: "The model at {who} took too long. Try again, or use a smaller picture.",
    529: "{who} is overloaded. Try again in a few minutes.",
}


def explain(status: int, body: bytes, retry_after: str | None = None, who: str = "NVIDIA", key: str = "") -> VLMError:
    """The error that this reply stands for; `again` is set when asking once more may help.

    Understands problem+json, OpenAI's `error` object, FastAPI's `detail`, plain text and an empty body.
    The key, should the service repeat it, is taken out.
    """
    detail = _detail(body, key)
    if status == 410 or status == 404 and _WITHDRAWN.search(detail):
        return _withdrawn(detail, who)
    wait = _seconds(retry_after)
    sentence = _SENTENCES.get(status) or (
        "{who} refused this request." if status < 500 else "{who} failed. Try again in a moment."
    )
    if wait and wait > _PATIENCE:
        sentence = f"{{who}} asks to wait for {_words(wait)}. Come back then, or choose another model."
    error = Refused(_joined(sentence.format(who=who), status, detail), status, detail)
    error.wait = wait
    if status in _RETRIED and (wait is None or wait <= _PATIENCE):
        error.again = wait or 0.0
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
    words = " ".join((words.replace(key, "[key]") if key else words).split())
    return words if len(words) <= _MOST_DETAIL else words[: _MOST_DETAIL - 1] + "…"


def _words_of(value: object) -> str:
    """The first thing in a JSON error that is meant to be read."""
    if isinstance(value, dict):
        for name in ("detail", "error", "message", "msg", "title"):
            if name in value and (words := _words_of(value[name])):
                return words
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words_of, value[:5])))
    return value if isinstance(value, str) else ""


def _seconds(retry_after: str | None) -> float | None:
    try:
        return max(0.0, float(retry_after))
    except (TypeError, ValueError):
        return None


def _words(seconds: float) -> str:
    return f"{seconds / 3600:.0f} hours" if seconds >= 7200 else f"{max(1, seconds / 60):.0f} minutes"
