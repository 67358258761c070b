"""How each family of networks wants to be asked: one row a family, by the `model_type` of its configuration."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vlm_backends.engines.local.loader import Resident
from vlm_backends.errors import BadPrompt
from vlm_backends.media import images
from vlm_backends.types import Model, Prompt, Sampling, Turn

_FONT = Path(__file__).parents[2] / "media" / "fonts" / "DejaVuSans.ttf"
_PATCHES = 2048  # DePlot's, as published; the processor's default forgets the checkpoint's
_SPOKEN = (
    "<CAPTION>",
    "<DETAILED_CAPTION>",
    "<MORE_DETAILED_CAPTION>",
    "<OCR>",
)  # Florence-2's answers for people
_BEAMS = 3  # Florence-2's, as published
_TOKENS = 1024
_VERBS = re.compile(
    r"(answer|caption|describe|detect|ocr|question|segment)\b", re.IGNORECASE
)  # PaliGemma's


@dataclass(frozen=True)
class Asked:
    """What `generate` takes: the tensors, and how the words are picked."""

    inputs: Any
    options: dict = field(default_factory=dict)
    seed: int | None = None


def asked(resident: Resident, model: Model, prompt: Prompt) -> Asked:
    """The prompt as the resident's family wants it. Raises BadPrompt."""
    ask = FAMILIES.get(resident.family)
    if ask is None:
        raise BadPrompt(
            f"Checkpoints of the kind “{resident.family}” are not known. Known: {', '.join(FAMILIES)}."
        )
    inputs = ask(resident.processor, prompt.turns)
    inputs = inputs.to(
        resident.network.device, dtype=resident.network.dtype
    )  # ids stay whole numbers
    if model.tasks:
        beams = _BEAMS if is_structured(model, prompt) else 1
        most = min(_TOKENS, resident.network.config.text_config.max_position_embeddings - 2)
        return Asked(inputs, {"max_new_tokens": most, "do_sample": False, "num_beams": beams})
    sampling = prompt.sampling or model.sampling
    return Asked(inputs, _picked(sampling), sampling.seed)


def is_structured(model: Model, prompt: Prompt) -> bool:
    """True for a task whose answer is places and labels: it is found by beams, and comes whole."""
    return bool(model.tasks) and not prompt.turns[-1].text.startswith(_SPOKEN)


def _picked(sampling: Sampling) -> dict:
    """Temperature 0 is greedy."""
    if sampling.temperature == 0:
        return {"max_new_tokens": sampling.max_tokens, "do_sample": False, "num_beams": 1}
    return {
        "max_new_tokens": sampling.max_tokens,
        "do_sample": True,
        "num_beams": 1,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }


def _last(turns: tuple[Turn, ...]) -> tuple[str, Image.Image]:
    return turns[-1].text.strip(), images.pixels(turns[-1].pictures[-1])


def _florence2(processor: Any, turns: tuple[Turn, ...]) -> Any:
    text, image = _last(turns)
    try:
        return processor(text=text, images=image, return_tensors="pt")
    except ValueError as error:
        raise BadPrompt(f"Florence-2 does not know this task: {error}") from None


def _kosmos2(processor: Any, turns: tuple[Turn, ...]) -> Any:
    text, image = _last(turns)
    asked = text if text.startswith("<grounding>") else f"<grounding> Question: {text} Answer:"
    return processor(text=asked, images=image, return_tensors="pt")


def _paligemma(processor: Any, turns: tuple[Turn, ...]) -> Any:
    text, image = _last(turns)
    asked = text if _VERBS.match(text) else f"answer en {text}"
    return processor(text=f"<image>{asked}", images=image, return_tensors="pt")


def _pix2struct(processor: Any, turns: tuple[Turn, ...]) -> Any:
    """The question is printed above the picture, as the network has learned it; in a font that is here."""
    text, image = _last(turns)
    eye = processor.image_processor
    headed = eye.render_header(np.asarray(image).transpose(2, 0, 1), text, font_path=str(_FONT))
    picture = Image.fromarray(np.asarray(headed).transpose(1, 2, 0))
    return eye(picture, is_vqa=False, max_patches=_PATCHES, return_tensors="pt")


def _chat(processor: Any, turns: tuple[Turn, ...]) -> Any:
    """By the checkpoint's own template."""
    if not getattr(processor, "chat_template", None):
        raise BadPrompt("This checkpoint has no chat template. Choose its instruction-tuned form.")
    messages = [{"role": turn.role, "content": _parts(turn)} for turn in turns]
    return processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )


def _parts(turn: Turn) -> list[dict]:
    shown = [{"type": "image", "image": images.pixels(picture)} for picture in turn.pictures]
    return [*shown, {"type": "text", "text": turn.text}]


FAMILIES: dict[str, Callable[[Any, tuple[Turn, ...]], Any]] = {
    "florence2": _florence2,
    "kosmos-2": _kosmos2,
    "paligemma": _paligemma,
    "pix2struct": _pix2struct,
    "llava": _chat,
    "llava_next": _chat,
    "mllama": _chat,
}
