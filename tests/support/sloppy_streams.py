"""Bodies of replies as servers send them: events, errors in many forms, framing against the format."""

import json
from typing import Any

SSE = "text/event-stream"


def delta(content: object = None, end: str | None = None, **more: object) -> dict:
    """Return a chunk of a stream with these words, the reason of its end, and other fields."""
    said = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": {**said, **more}, "finish_reason": end}
    return {"id": "1", "object": "chat.completion.chunk", "choices": [choice]}


def whole(content: object = None, end: str | None = "stop", **more: object) -> dict:
    """Return an answer in one piece."""
    message = {"role": "assistant", "content": content, **more}
    return {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": end}]}


def stream(*payloads: dict | str | bytes, done: bool = True, newline: str = "\n") -> bytes:
    """Return the events of these payloads; bytes are put between them as they are."""
    parts = []
    for payload in (*payloads, *(["[DONE]"] if done else [])):
        if isinstance(payload, bytes):
            parts.append(payload)
            continue
        data = payload if isinstance(payload, str) else json.dumps(payload)
        parts.append(f"data: {data}{newline * 2}".encode())
    return b"".join(parts)


WORDS = delta("Half an "), delta("answer")
END = delta("", "stop")
# Errors as a service's own JSON, each with a word of its message: in a stream or as the whole body
ERRORS: dict[str, tuple[Any, str]] = {
    "OpenAI's object": ({"error": {"message": "out of memory", "code": 500}}, "out of memory"),
    "a code as text": ({"error": {"message": "slow down", "code": "429"}}, "slow down"),
    "a named code": ({"error": {"message": "too much", "code": "rate_limit_exceeded"}}, "too much"),
    "an error that is a text": ({"error": "worker died"}, "worker died"),
    "an error that is true": ({"error": True, "message": "no luck"}, "no luck"),
    "vLLM": ({"object": "error", "message": "engine is dead", "code": 500}, "engine is dead"),
    "llama.cpp": ({"error": {"code": 500, "message": "slot failed", "type": "server_error"}}, "slot failed"),
    "Ollama": ({"error": "llama runner process has terminated"}, "has terminated"),
    "Google's list": ([{"error": {"code": 503, "message": "overloaded now", "status": "UNAVAILABLE"}}], "overloaded now"),
    "Anthropic's shape": ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "Overloaded"),
    "FastAPI's detail": ({"detail": "Worker lost"}, "Worker lost"),
    "FastAPI's list": ({"detail": [{"loc": ["body", "seed"], "msg": "no such field", "type": "x"}]}, "seed: no such field"),
    "problem details": ({"title": "Internal Server Error", "status": 500, "detail": "worker lost"}, "worker lost"),
    "problem details with a type": ({"type": "about:blank", "title": "Bad Gateway", "status": 502}, "Bad Gateway"),
    "problem details without a status": ({"title": "Gone wild", "detail": "see the log"}, "see the log"),
    "problem details with statusCode": ({"title": "Busy", "statusCode": 503}, "Busy"),
    "a message and a code": ({"message": "quota is used up", "code": 429}, "quota is used up"),
    "a bare message": ({"message": "internal failure"}, "internal failure"),
    "several errors": ({"errors": [{"message": "first"}, {"message": "second"}]}, "first; second"),
    "an error in its choice": ({"choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "provider left"}}]}, "provider left"),
    "a choice that ends with one": ({"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}, "finish_reason: error"),
    "a network error": ({"choices": [{"index": 0, "delta": {}, "finish_reason": "network_error"}]}, "network_error"),
    "OpenRouter in mid-stream": (
        {"id": "1", "error": {"code": "server_error", "message": "Provider disconnected"},
         "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}, "Provider disconnected"),
    "LiteLLM's error in an error": ({"error": {"message": {"error": "nested words"}, "code": "500"}}, "nested words"),
}  # fmt: skip
