"""Check the fields of a request: what cannot be honoured is refused, by its name."""

from vlm_backends.errors import BadPrompt

_READ = frozenset(
    ("model", "messages", "stream", "stream_options", "skip_special_tokens", "n", "max_tokens",
     "max_completion_tokens", "temperature", "top_p", "seed")
)  # fmt: skip
_WITHOUT_EFFECT = frozenset(  # on an answer: who asks, how it is billed, cached and scheduled
    ("user", "metadata", "service_tier", "safety_identifier", "prompt_cache_key",
     "prompt_cache_retention", "parallel_tool_calls", "request_id", "priority", "keep_alive",
     "cache_prompt", "timings_per_token")
)  # fmt: skip
_WHAT_HAPPENS_ANYWAY = {  # values that ask for it, besides null, false and empty ones
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "top_logprobs": (0,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "repetition_penalty": (1,),
    "length_penalty": (1,),
    "min_p": (0,),
    "top_k": (0, -1),
    "best_of": (1,),
    "verbosity": ("medium",),
    "reasoning_effort": ("none",),
}
_EMPTY = "", [], {}
_IN_MESSAGES = "tool_calls", "function_call", "audio"
_SWITCHES = "stream", "skip_special_tokens"


def check_fields(body: dict) -> None:
    """Raise BadPrompt with the name of a field that cannot be honoured here."""
    for field, value in body.items():
        if field not in _READ and field not in _WITHOUT_EFFECT and _asks_for_more(field, value):
            raise BadPrompt(f"{field[:80]} is not supported here. Leave it out.")
    if body.get("n") not in (None, 1) or isinstance(body.get("n"), bool):
        raise BadPrompt("One answer at a time: leave n out.")
    for field in _SWITCHES:
        if not isinstance(body.get(field), (bool, type(None))):
            raise BadPrompt(f"{field} must be true or false.")
    if not isinstance(body.get("stream_options"), (dict, type(None))):
        raise BadPrompt("stream_options must be an object, such as {include_usage: true}.")


def check_message(message: dict) -> None:
    """Raise BadPrompt with the name of a message's field that cannot be honoured here."""
    for field in _IN_MESSAGES:
        if message.get(field):
            raise BadPrompt(f"{field} of a message is not supported here. Leave it out.")


def _asks_for_more(field: str, value: object) -> bool:
    if value is None or value is False or value in _EMPTY:
        return False
    return isinstance(value, bool) or value not in _WHAT_HAPPENS_ANYWAY.get(field, ())
