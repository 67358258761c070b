"""Request bodies as NVIDIA publishes them: pure functions, no network."""

import base64
from collections.abc import Mapping

from vlm_backends.media import images
from vlm_backends.types import Model, Picture, Prompt, Sampling, Turn


def body(
    model: Model, prompt: Prompt, url: str = "", sources: Mapping[Picture, str] | None = None
) -> dict:
    """The request's JSON, key for key as NVIDIA publishes it.

    `url` is where it goes (the model's own by default); `sources` says what stands for each picture in `src`
    (the picture itself under the inline budget by default).
    """
    if sources is None:
        pictures = (picture for turn in prompt.turns for picture in turn.pictures)
        sources = {picture: inline(images.encode(picture)) for picture in pictures}
    named = {} if "/v1/vlm/" in (url or model.url) else {"model": model.id}
    messages = [
        {"role": turn.role, "content": _content(model, turn, sources)} for turn in prompt.turns
    ]
    sampling = prompt.sampling or model.sampling
    streamed = {"stream": True} if model.streams else {}
    return {**named, "messages": messages, **_sampled(sampling), **streamed}


def _content(model: Model, turn: Turn, sources: Mapping[Picture, str]) -> str | list[dict]:
    links = [sources[picture] for picture in turn.pictures]
    if model.parts and links:
        shown = [{"type": "image_url", "image_url": {"url": link}} for link in links]
        return [{"type": "text", "text": turn.text}, *shown]
    gap = "" if model.tasks else " "
    return turn.text + "".join(f'{gap}<img src="{link}" />' for link in links)


def _sampled(sampling: Sampling | None) -> dict:
    if sampling is None:
        return {}
    named = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    return named if sampling.seed is None else {**named, "seed": sampling.seed}


def trimmed(model: Model, prompt: Prompt) -> Prompt:
    """The turns that the model can use: the last alone for one that does not converse, and its newest pictures."""
    turns, left = [], model.pictures
    for turn in reversed(prompt.turns):
        kept = turn.pictures[-left:] if left else ()
        left -= len(kept)
        turns.insert(0, Turn(turn.role, turn.text, kept))
    if not model.converses:
        pictures = tuple(picture for turn in turns for picture in turn.pictures)
        turns = [Turn(turns[-1].role, turns[-1].text, pictures)]
    return Prompt(tuple(turns), prompt.sampling)


def inline(picture: Picture) -> str:
    """The picture as a data URL."""
    return f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"
