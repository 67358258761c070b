"""Reads chat requests for the local NVIDIA server: what it accepts, and with which error it refuses the rest."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from tests.support.wire.exchange import Seen
from tests.support.wire.pictures import Bitmap, measure
from tests.support.wire.problems import (
    Refusal,
    no_asset,
    no_function,
    openai,
    problem,
    problems,
    unprocessable,
)
from tests.support.wire.replies import Reply, status

LLAMA = "meta/llama-3.2-11b-vision-instruct"
VLM = (
    "microsoft/florence-2",
    "google/paligemma",
    "nvidia/neva-22b",
    "microsoft/kosmos-2",
    "google/deplot",
)
INTEGRATE = (
    LLAMA,
    "meta/llama-3.2-90b-vision-instruct",
    "microsoft/phi-3.5-vision-instruct",
    "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
    "meta/muse-glimmer-30b",
    "minimaxai/minimax-m3",
    "google/gemma-4-31b-it",
    "moonshotai/kimi-k3",
)
LISTED_ONLY = ("microsoft/kosmos-2",)  # in the list of models, yet without a function behind it
INLINE = 180_000  # characters of base64 that a path endpoint takes
BODY = 25 * 2**20  # bytes
_IMG = re.compile(r"""<img\s+src=(["'])(.*?)\1\s*/?>""", re.DOTALL)
_SOURCE = re.compile(r"data:image/(?:png|jpe?g);(base64|asset_id),(.+)", re.DOTALL)


@dataclass(frozen=True)
class Asset:
    """A picture in the store; without data as long as it was only announced."""

    content_type: str
    description: str
    data: bytes | None = None


@dataclass(frozen=True)
class Question:
    """What a valid request asks: its last user's words, its last picture, and how many messages there are."""

    model: str
    body: dict
    text: str
    picture: Bitmap | None
    messages: int
    openai: bool  # the newer paths speak the longer form


def model_of(seen: Seen, listed: tuple[str, ...]) -> str:
    """Return the model that is asked, from the path or the body; the gateway checks it before the key."""
    if seen.path.startswith("/v1/vlm/"):
        return seen.path.removeprefix("/v1/vlm/")
    if seen.path.startswith("/v1/gr/"):
        return LLAMA
    if len(seen.body) > BODY:
        raise Refusal(problems["400 too large"])
    body = _object(seen, problems["500 text"])
    if not body.get("model"):
        raise Refusal(problems["400 openai"])
    if body["model"] not in listed:
        raise Refusal(no_function() if body["model"] in LISTED_ONLY else problems["404 text"])
    return body["model"]


def check_poll_header(seen: Seen) -> None:
    """Refuse NVCF-POLL-SECONDS outside of 1..3600."""
    wait = seen.headers.get("NVCF-POLL-SECONDS", "1")
    if not wait.isdecimal() or not 1 <= int(wait) <= 3600:
        raise Refusal(problems["400 poll seconds"])


def referenced(seen: Seen, assets: Mapping[str, Asset]) -> dict[str, Asset]:
    """Return the uploaded assets that NVCF-INPUT-ASSET-REFERENCES names."""
    found = {}
    for name in filter(
        None,
        (part.strip() for part in seen.headers.get("NVCF-INPUT-ASSET-REFERENCES", "").split(",")),
    ):
        try:
            UUID(name)
        except ValueError:
            raise Refusal(
                problem(400, "Bad Request", "NVCF-INPUT-ASSET-REFERENCES must be UUIDs")
            ) from None
        if name not in assets or assets[name].data is None:
            raise Refusal(no_asset(name))
        found[name] = assets[name]
    return found


def read(seen: Seen, model: str, assets: Mapping[str, Asset]) -> Question:
    """Return the question in a request, checked as the model's worker would."""
    newer = not seen.path.startswith("/v1/vlm/")
    refuse = partial(openai, 400) if newer else unprocessable
    body = _object(seen, refuse("The body is not a JSON object"))
    messages = body.get("messages")
    if (
        not isinstance(messages, list)
        or not messages
        or not all(isinstance(each, dict) for each in messages)
    ):
        missing = {"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}
        raise Refusal(
            status(422, {"detail": [missing]})
            if newer
            else unprocessable("messages: at least one is required")
        )
    _check_roles(messages, refuse)
    for name, (rule, holds) in (_NEWER if newer else _OLDER).items():
        if name in body and not holds(body[name]):
            raise Refusal(refuse(f"{name} must be {rule}"))
    words, sources = _contents(messages, refuse)
    inline = None if seen.path == "/v1/chat/completions" else INLINE
    pictures = [_picture(source, in_tag, assets, inline, refuse) for source, in_tag in sources]
    _check_counts(model, len(messages), len(pictures), refuse)
    return Question(model, body, words, pictures[-1] if pictures else None, len(messages), newer)


def _object(seen: Seen, otherwise: Reply) -> dict:
    try:
        if isinstance(seen.json, dict):
            return seen.json
    except ValueError:
        pass
    raise Refusal(otherwise)


def _number(value: object, low: float, high: float, open_below: bool = False) -> bool:
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
    return right and not (open_below and value == low)


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and _number(value, low, high)


_Rules = dict[str, tuple[str, Callable[[object], bool]]]
_OLDER: _Rules = {
    "max_tokens": ("1..1024", lambda value: _whole(value, 1, 1024)),
    "temperature": ("above 0 and at most 1", lambda value: _number(value, 0, 1, open_below=True)),
    "top_p": ("above 0 and at most 1", lambda value: _number(value, 0, 1, open_below=True)),
    "seed": ("null or 0..2^64-1", lambda value: value is None or _whole(value, 0, 2**64 - 1)),
    "stream": ("true or false", lambda value: isinstance(value, bool)),
}
_NEWER: _Rules = {
    **_OLDER,
    "max_tokens": ("at least 1", lambda value: _whole(value, 1, 10**6)),
    "temperature": ("0..2", lambda value: _number(value, 0, 2)),
}


def _check_roles(messages: list[dict], refuse: Callable[[str], Reply]) -> None:
    """Refuse all but an optional system message, then user and assistant in turns."""
    roles = [message.get("role") for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if not turns or turns != [("user", "assistant")[index % 2] for index in range(len(turns))]:
        raise Refusal(refuse("Conversation roles must alternate user/assistant/user/assistant/..."))


def _contents(
    messages: list[dict], refuse: Callable[[str], Reply]
) -> tuple[str, list[tuple[str, bool]]]:
    """Return the last user's words without pictures, and each picture's source, with True when it was in a tag."""
    words, sources = "", []
    for message in messages:
        content, user = message.get("content"), message["role"] == "user"
        if content is None and message is messages[-1] and not user:
            continue
        if isinstance(content, list) and user:
            parts = [part for part in content if isinstance(part, dict)]
            text = " ".join(
                str(part.get("text", "")) for part in parts if part.get("type") == "text"
            )
            images = [part.get("image_url") for part in parts if part.get("type") == "image_url"]
            sources += [
                (image.get("url") if isinstance(image, dict) else image, False) for image in images
            ]
        elif isinstance(content, str):
            text = _IMG.sub(" ", content)
            sources += [(found[1], True) for found in _IMG.findall(content)]
        else:
            raise Refusal(
                refuse("messages: content must be a string, or a list of parts for a user")
            )
        words = " ".join(text.split()) if user else words
    return words, sources


def _picture(
    source: object,
    in_tag: bool,
    assets: Mapping[str, Asset],
    inline: int | None,
    refuse: Callable[[str], Reply],
) -> Bitmap:
    match = _SOURCE.fullmatch(source) if isinstance(source, str) else None
    if not match:
        raise Refusal(refuse("A picture must be a data URL of a PNG, JPG or JPEG"))
    way, data = match.groups()
    if way == "asset_id":
        if not in_tag or data not in assets:
            raise Refusal(refuse(f"No input asset {data} for this request"))
        content = assets[data].data or b""
    elif inline and len(data) >= inline:
        raise Refusal(
            problem(413, "Payload Too Large", "A picture above 180KB needs the assets API")
        )
    else:
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal(refuse("The picture is not base64")) from None
    try:
        return measure(content)
    except ValueError as error:
        raise Refusal(refuse(f"The picture cannot be read: {error}")) from None


def _check_counts(model: str, messages: int, pictures: int, refuse: Callable[[str], Reply]) -> None:
    if model in ("microsoft/florence-2", "google/deplot") and messages != 1:
        raise Refusal(refuse("This model takes exactly one message"))
    if pictures > 1 and model in (*VLM, LLAMA):
        raise Refusal(refuse("At most 1 image(s) may be provided in one request."))
    if not pictures and model in VLM and model != "nvidia/neva-22b":
        raise Refusal(refuse("This model needs a picture"))
