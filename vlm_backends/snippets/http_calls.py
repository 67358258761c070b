"""Describe a call over the network once, for Python and for shell.

The body holds a mark in place of each picture's base64 or asset id, which the writers replace by
code that reads the picture's file.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from vlm_backends.engines import NVIDIA, OpenAI, nvidia, openai
from vlm_backends.engines.wire import requests
from vlm_backends.types import Model, Picture, Prompt, Sent

PICTURES_FROM = "On the page: “Export”, “Picture as sent”."
ASSET_HEADERS = "NVCF-INPUT-ASSET-REFERENCES", "NVCF-FUNCTION-ASSET-IDS"  # hold the assets' ids
Encoded = tuple[Picture, nvidia.Way]  # a picture as it is sent, and the way it goes
_FORMS: Mapping[nvidia.Way, str] = {"inline": "base64", "asset": "asset_id"}  # in a data URL


@dataclass(frozen=True)
class SentPicture:
    """A picture as it is sent."""

    name: str  # of its file
    variable: str  # that holds it in the code
    mark: str  # of its place in the body
    picture: Picture
    way: nvidia.Way


@dataclass(frozen=True)
class CallAddress:
    """The address of a question, and the one where its job is polled."""

    url: str
    status: str = ""  # empty: the answer always comes at once


@dataclass(frozen=True)
class HttpCall:
    """One question over HTTP, without the key's value."""

    address: CallAddress
    key: str  # the environment variable that holds it; empty for a server without one
    body: dict  # the JSON, with a mark in place of each picture
    pictures: tuple[SentPicture, ...]
    headers: Mapping[str, str] = field(
        default_factory=dict
    )  # besides those of the key and the JSON
    streams: bool = True
    zipped: bool = False  # the answer comes in a zip
    fallback: CallAddress | None = None  # asked when the model is no longer at the first address
    asset_store: str = ""  # the asset store's URL

    @property
    def uploads(self) -> tuple[SentPicture, ...]:
        """Return the pictures that go through the asset store."""
        return tuple(sent for sent in self.pictures if sent.way == "asset")


def nvidia_call(engine: NVIDIA, model: Model, prompt: Prompt, sent: Sent | None) -> HttpCall:
    """Describe the call as NVIDIA's engine makes it.

    The prompt must be one that the model can use. `sent` says how the newest picture travelled.
    """
    pictures = pictures_of(prompt)
    known: dict[Picture, nvidia.Way | None] = {}
    if pictures and sent:
        known[pictures[-1]] = sent.way
    encoded = {
        picture: nvidia.fit_for_transport(model, picture, known.get(picture))
        for picture in pictures
    }
    body, marked = _marked_body(encoded, partial(requests.body, model, prompt, model.url))
    return HttpCall(
        address=_address(engine, model.url),
        key="NVIDIA_API_KEY",
        body=body,
        pictures=marked,
        headers={"Accept": "text/event-stream" if model.streams else "application/json"},
        streams=model.streams,
        zipped=bool(model.tasks),
        fallback=_address(engine, model.fallback) if model.fallback else None,
        asset_store=_without_secrets(engine.resolve_url(nvidia.ASSETS)),
    )


def openai_call(engine: OpenAI, model: Model, prompt: Prompt) -> HttpCall:
    """Describe the call as the engine for OpenAI's API makes it.

    May ask the server which name it gives the model.
    """
    encoded: dict[Picture, Encoded] = {
        picture: (openai.fit_for_transport(picture), "inline") for picture in pictures_of(prompt)
    }
    body, marked = _marked_body(encoded, partial(engine.request, model, prompt))
    return HttpCall(
        address=CallAddress(_without_secrets(engine.address)),
        key="VLM_API_KEY" if engine.key else "",
        body=body,
        pictures=marked,
    )


def pictures_of(prompt: Prompt) -> tuple[Picture, ...]:
    """Return each picture of the prompt once, in order."""
    return tuple(dict.fromkeys(picture for turn in prompt.turns for picture in turn.pictures))


def picture_names(pictures: tuple[Picture, ...]) -> tuple[tuple[str, str], ...]:
    """Name the variable and the file of each picture.

    One picture is `picture` in `picture.jpg`; several are `picture_1` in `picture-1.jpg` and so on.
    """
    extensions = [picture.mime.rpartition("/")[2].replace("jpeg", "jpg") for picture in pictures]
    if len(extensions) == 1:
        return (("picture", f"picture.{extensions[0]}"),)
    return tuple(
        (f"picture_{i}", f"picture-{i}.{extension}") for i, extension in enumerate(extensions, 1)
    )


def split_at_marks(text: str, pictures: tuple[SentPicture, ...]) -> list[str | SentPicture]:
    """Split the text at the pictures' marks, and put the pictures in their place."""
    if not pictures:
        return [text]
    by_mark = {sent.mark: sent for sent in pictures}
    marks = sorted(map(re.escape, by_mark), key=len, reverse=True)  # …10 before …1
    return [by_mark.get(part, part) for part in re.split(f"({'|'.join(marks)})", text)]


def _address(engine: NVIDIA, url: str) -> CallAddress:
    status = engine.resolve_url(nvidia.status_of(url))
    return CallAddress(_without_secrets(engine.resolve_url(url)), _without_secrets(status))


def _marked_body(
    encoded: Mapping[Picture, Encoded], make: Callable[[Mapping[Picture, str]], dict]
) -> tuple[dict, tuple[SentPicture, ...]]:
    """Make the body with a mark in place of each picture, one that occurs nowhere else in it."""
    stem, words = "PICTURE", str(make(dict.fromkeys(encoded, "")))
    while stem in words:
        stem += "_"
    names = picture_names(tuple(picture for picture, _ in encoded.values()))
    marked = tuple(
        SentPicture(name, variable, f"{stem}{i}", picture, way)
        for i, ((variable, name), (picture, way)) in enumerate(zip(names, encoded.values()), 1)
    )
    sources = [f"data:{each.picture.mime};{_FORMS[each.way]},{each.mark}" for each in marked]
    return make(dict(zip(encoded, sources))), marked


def _without_secrets(url: str) -> str:
    """Remove user, password and query, which may be secrets; the engine sends no user either."""
    scheme, host, path, *_ = urlsplit(url)
    return urlunsplit((scheme, host.rpartition("@")[2], path, "", ""))
