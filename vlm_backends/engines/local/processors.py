"""Prepare the inputs of each family of networks, which `model_type` of its configuration names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vlm_backends.engines.local.loader import LoadedModel
from vlm_backends.errors import BadPrompt
from vlm_backends.media import images
from vlm_backends.types import Model, Prompt, Sampling, Turn

_FONT = Path(__file__).parents[2] / "media" / "fonts" / "DejaVuSans.ttf"
_MAX_PATCHES = 2048  # DePlot's, as published; the processor's default ignores the checkpoint's
_BEAMS = 3  # Florence-2's, as published
_MAX_TOKENS = 1024
_SPOKEN_TASKS = (  # of Florence-2: answers for people, worth streaming
    "<CAPTION>",
    "<DETAILED_CAPTION>",
    "<MORE_DETAILED_CAPTION>",
    "<OCR>",
)
_PALIGEMMA_VERBS = re.compile(
    r"(answer|caption|describe|detect|ocr|question|segment)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class ModelInputs:
    """The arguments of a network's `generate`: tensors, and how the next token is chosen."""

    inputs: Any  # tensors by name, on the network's device: a BatchFeature of transformers
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None


def prepare_inputs(loaded: LoadedModel, model: Model, prompt: Prompt) -> ModelInputs:
    """Turn a prompt into what the model's family takes. Raises BadPrompt."""
    prepare = FAMILIES.get(loaded.family)
    if prepare is None:
        raise BadPrompt(
            f"Checkpoints of the kind “{loaded.family}” are not known. "
            f"Known: {', '.join(FAMILIES)}."
        )
    inputs = prepare(loaded.processor, prompt.turns)
    # the dtype applies to the pixels only: ids stay integers
    inputs = inputs.to(loaded.network.device, dtype=loaded.network.dtype)
    if model.tasks:
        return ModelInputs(inputs, _task_options(loaded, is_structured(model, prompt)))
    sampling = prompt.sampling or model.sampling or Sampling(_MAX_TOKENS, 0.0, 1.0)
    return ModelInputs(inputs, _sampling_options(sampling), sampling.seed)


def is_structured(model: Model, prompt: Prompt) -> bool:
    """Return True for a task answered by places and labels: it takes beam search, unstreamed."""
    return bool(model.tasks) and not prompt.turns[-1].text.startswith(_SPOKEN_TASKS)


def _task_options(loaded: LoadedModel, structured: bool) -> dict[str, Any]:
    positions = loaded.network.config.text_config.max_position_embeddings
    return {
        "max_new_tokens": min(_MAX_TOKENS, positions - 2),
        "do_sample": False,
        "num_beams": _BEAMS if structured else 1,
    }


def _sampling_options(sampling: Sampling) -> dict[str, Any]:
    """Return the options of `generate`; temperature 0 takes the likeliest token each time."""
    options = {"max_new_tokens": sampling.max_tokens, "do_sample": False, "num_beams": 1}
    if sampling.temperature == 0:
        return options
    chosen = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return {**options, "do_sample": True, **chosen}


def _last_turn(turns: tuple[Turn, ...]) -> tuple[str, Image.Image]:
    return turns[-1].text.strip(), images.pixels(turns[-1].pictures[-1])


def _florence2(processor: Any, turns: tuple[Turn, ...]) -> Any:
    text, image = _last_turn(turns)
    try:
        return processor(text=text, images=image, return_tensors="pt")
    except ValueError as error:
        raise BadPrompt(f"Florence-2 does not know this task: {error}") from None


def _kosmos2(processor: Any, turns: tuple[Turn, ...]) -> Any:
    text, image = _last_turn(turns)
    if not text.startswith("<grounding>"):
        text = f"<grounding> Question: {text} Answer:"
    return processor(text=text, images=image, return_tensors="pt")


def _paligemma(processor: Any, turns: tuple[Turn, ...]) -> Any:
    text, image = _last_turn(turns)
    if not _PALIGEMMA_VERBS.match(text):
        text = f"answer en {text}"
    return processor(text=f"<image>{text}", images=image, return_tensors="pt")


def _pix2struct(processor: Any, turns: tuple[Turn, ...]) -> Any:
    """Print the question above the picture, as the network was trained, in a font that is here."""
    text, image = _last_turn(turns)
    image_processor = processor.image_processor
    headed = image_processor.render_header(
        np.asarray(image).transpose(2, 0, 1), text, font_path=str(_FONT)
    )
    picture = Image.fromarray(np.asarray(headed).transpose(1, 2, 0))
    return image_processor(picture, is_vqa=False, max_patches=_MAX_PATCHES, return_tensors="pt")


def _chat(processor: Any, turns: tuple[Turn, ...]) -> Any:
    """Write the conversation by the checkpoint's own template."""
    if not getattr(processor, "chat_template", None):
        raise BadPrompt("This checkpoint has no chat template. Choose its instruction-tuned form.")
    messages = [{"role": turn.role, "content": _content(turn)} for turn in turns]
    return processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )


def _content(turn: Turn) -> list[dict[str, Any]]:
    shown = [{"type": "image", "image": images.pixels(picture)} for picture in turn.pictures]
    return [*shown, {"type": "text", "text": turn.text}]


Prepare = Callable[[Any, tuple[Turn, ...]], Any]  # processor and turns to tensors by name
FAMILIES: Mapping[str, Prepare] = {
    "florence2": _florence2,
    "kosmos-2": _kosmos2,
    "paligemma": _paligemma,
    "pix2struct": _pix2struct,
    "llava": _chat,
    "llava_next": _chat,
    "mllama": _chat,
}
