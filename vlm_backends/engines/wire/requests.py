"""Build request bodies as NVIDIA documents them: pure functions, no network."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace

from vlm_backends.media import images
from vlm_backends.types import Model, Picture, Prompt, Sampling, Turn


def body(
    model: Model, prompt: Prompt, url: str = "", sources: Mapping[Picture, str] | None = None
) -> dict:
    """Return the request's JSON, key for key as NVIDIA documents it.

    `url` is where it goes (by default the model's own address). `sources` has the text that stands
    for each picture in `src` (by default the picture itself, encoded under the inline budget).
    """
    if sources is None:
        pictures = (picture for turn in prompt.turns for picture in turn.pictures)
        sources = {picture: data_url(images.encode(picture)) for picture in pictures}
    request: dict = {} if "/v1/vlm/" in (url or model.url) else {"model": model.id}
    told = [{"role": "system", "content": prompt.system}] if prompt.system else []
    turns = [
        {"role": turn.role, "content": _content(model, turn, sources)} for turn in prompt.turns
    ]
    request["messages"] = [*told, *turns]
    request |= _sampling_fields(prompt.sampling or model.sampling)
    if prompt.schema:
        schema = {"name": "answer", "schema": json.loads(prompt.schema), "strict": True}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    if model.streams:
        request["stream"] = True
    return request


def _content(model: Model, turn: Turn, sources: Mapping[Picture, str]) -> str | list[dict]:
    links = [sources[picture] for picture in turn.pictures]
    if model.parts and links:
        pictures = [{"type": "image_url", "image_url": {"url": link}} for link in links]
        return [{"type": "text", "text": turn.text}, *pictures]
    gap = "" if model.tasks else " "
    return turn.text + "".join(f'{gap}<img src="{link}" />' for link in links)


def _sampling_fields(sampling: Sampling | None) -> dict:
    if sampling is None:
        return {}
    fields = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    return fields if sampling.seed is None else {**fields, "seed": sampling.seed}


def trim_prompt(model: Model, prompt: Prompt) -> Prompt:
    """Return the part of a conversation that the model can use.

    Only its newest pictures are kept, as many as one request may carry; a model that does not
    converse gets the last turn alone, with them.
    """
    turns: list[Turn] = []
    remaining = model.pictures
    for turn in reversed(prompt.turns):
        kept = turn.pictures[-remaining:] if remaining else ()
        remaining -= len(kept)
        turns.insert(0, Turn(turn.role, turn.text, kept))
    if not model.converses:
        pictures = tuple(picture for turn in turns for picture in turn.pictures)
        turns = [Turn(turns[-1].role, turns[-1].text, pictures)]
    return replace(prompt, turns=tuple(turns))


def data_url(picture: Picture) -> str:
    """Return the picture as a data URL."""
    return f"data:{picture.mime};base64,{base64.b64encode(picture.data).decode()}"
