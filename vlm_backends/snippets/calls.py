"""A call over the network, said once for both languages: its addresses, its headers, its body with marked pictures."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from vlm_backends.engines import NVIDIA, OpenAI, nvidia, openai
from vlm_backends.engines.wire import requests
from vlm_backends.types import Model, Picture, Prompt, Sent

WHERE = "On the page: “Take it away”, “Picture as sent”."
Carried = tuple[Picture, nvidia.Way]


@dataclass(frozen=True)
class Shown:
    """A picture as it is sent: the name of its file, the variable that holds it, what marks its place in the body."""

    name: str
    variable: str
    mark: str
    picture: Picture
    way: nvidia.Way


@dataclass(frozen=True)
class Address:
    """Where a question goes, and where its job is asked for when it is not done at once (empty: it always is)."""

    url: str
    status: str = ""


@dataclass(frozen=True)
class Call:
    """One question over HTTP, without the key's value."""

    address: Address
    key: str  # the environment variable that holds it; empty for a server without one
    body: dict
    pictures: tuple[Shown, ...]
    headers: Mapping[str, str] = field(default_factory=dict)  # beside those of the key and the JSON
    streams: bool = True
    zipped: bool = False  # the answer comes in a zip
    second: Address | None = None  # asked when the model is no longer at the first
    store: str = ""  # the address of the assets

    @property
    def uploads(self) -> tuple[Shown, ...]:
        """The pictures that go by the asset store."""
        return tuple(shown for shown in self.pictures if shown.way == "asset")


def hosted(engine: NVIDIA, model: Model, prompt: Prompt, sent: Sent | None) -> Call:
    """The call as NVIDIA's engine makes it; the prompt is one that the model can use."""
    pictures = pictures_of(prompt)
    known = {pictures[-1]: sent.way} if pictures and sent else {}
    carried = {
        picture: nvidia.fit_for_transport(model, picture, known.get(picture))
        for picture in pictures
    }
    body, shown = _marked(carried, partial(requests.body, model, prompt, model.url))
    return Call(
        _address(engine, model.url),
        "NVIDIA_API_KEY",
        body,
        shown,
        {"Accept": "text/event-stream" if model.streams else "application/json"},
        model.streams,
        bool(model.tasks),
        _address(engine, model.fallback) if model.fallback else None,
        _public(engine.at(nvidia.ASSETS)),
    )


def _address(engine: NVIDIA, url: str) -> Address:
    return Address(_public(engine.at(url)), _public(engine.at(nvidia.status_of(url))))


def served(engine: OpenAI, model: Model, prompt: Prompt) -> Call:
    """The call as the engine of an OpenAI wire makes it. May ask the server for the name that it gives the model."""
    carried: dict[Picture, Carried] = {
        each: (openai.fit_for_transport(each), "inline") for each in pictures_of(prompt)
    }
    body, shown = _marked(carried, partial(engine.request, model, prompt))
    return Call(Address(_public(engine.address)), "VLM_API_KEY" if engine.key else "", body, shown)


def pictures_of(prompt: Prompt) -> tuple[Picture, ...]:
    """Each picture of the prompt once, in order."""
    return tuple(dict.fromkeys(picture for turn in prompt.turns for picture in turn.pictures))


def named(pictures: tuple[Picture, ...]) -> tuple[tuple[str, str], ...]:
    """The variable and the file of each picture: `picture` and `picture.jpg`, or `picture_1` and `picture-1.png` …"""
    kinds = [picture.mime.rpartition("/")[2].replace("jpeg", "jpg") for picture in pictures]
    if len(kinds) == 1:
        return (("picture", f"picture.{kinds[0]}"),)
    return tuple((f"picture_{i}", f"picture-{i}.{kind}") for i, kind in enumerate(kinds, 1))


def parts(text: str, pictures: tuple[Shown, ...]) -> list[str | Shown]:
    """The text cut at the marks, which have become their pictures."""
    if not pictures:
        return [text]
    found = {shown.mark: shown for shown in pictures}
    marks = sorted(map(re.escape, found), key=len, reverse=True)  # …10 before …1
    return [found.get(part, part) for part in re.split(f"({'|'.join(marks)})", text)]


def _marked(
    carried: Mapping[Picture, Carried], make: Callable[[Mapping[Picture, str]], dict]
) -> tuple[dict, tuple[Shown, ...]]:
    """The body with a mark for each picture, one that occurs nowhere else in it."""
    stem, words = "PICTURE", str(make(dict.fromkeys(carried, "")))
    while stem in words:
        stem += "_"
    names = named(tuple(picture for picture, _ in carried.values()))
    shown = tuple(
        Shown(name, variable, f"{stem}{i}", picture, way)
        for i, ((variable, name), (picture, way)) in enumerate(zip(names, carried.values()), 1)
    )
    form = {"inline": "base64", "asset": "asset_id"}
    sources = [f"data:{each.picture.mime};{form[each.way]},{each.mark}" for each in shown]
    return make(dict(zip(carried, sources))), shown


def _public(url: str) -> str:
    """The address without a user, a password or a query: they may be secrets, and the engine sends no user either."""
    scheme, host, path, *_ = urlsplit(url)
    return urlunsplit((scheme, host.rpartition("@")[2], path, "", ""))
