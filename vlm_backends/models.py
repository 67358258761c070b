"""The catalogue: one entry per model. Find a model, and check its sampling.

To add a model, add an entry; the tab, the API, the README's table and the tests follow from it.
What is known of each model's hosted state was collected up to 2026-10-10 from third parties' calls.
"""

import json

from vlm_backends.errors import BadPrompt
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain
from vlm_backends.tasks import (
    DESCRIBE_GROUP,
    FIND_GROUP,
    READ_GROUP,
    REGION_GROUP,
    SEGMENT_GROUP,
    TASKS,
    check_confidence,
    check_region,
    find_task,
    write_task,
)
from vlm_backends.types import Hosted, Model, Sampling, SamplingLimits, Weights

__all__ = [
    "CATALOGUE",
    "DESCRIBE_GROUP",
    "FIND_GROUP",
    "READ_GROUP",
    "REGION_GROUP",
    "SEGMENT_GROUP",
    "TASKS",
    "check_confidence",
    "check_region",
    "check_sampling",
    "find_model",
    "find_task",
    "write_task",
]

_VLM = "https://ai.api.nvidia.com/v1/vlm/"
_INTEGRATE = "https://integrate.api.nvidia.com/v1/chat/completions"
_BUILD = "https://build.nvidia.com/"
_MAX_SEED = 2**64 - 1

CATALOGUE = (
    Model(
        id="meta/llama-3.2-11b-vision-instruct",
        title="Llama 3.2 Vision",
        publisher="Meta",
        about=(
            "A chat model that sees: describes pictures, answers questions about them, reads "
            "documents and charts."
        ),
        url="https://ai.api.nvidia.com/v1/gr/meta/llama-3.2-11b-vision-instruct/chat/completions",
        link=_BUILD + "meta/llama-3.2-11b-vision-instruct",
        hosted=Hosted(
            state="alive",
            checked="2026-09-09",
            why="answered at NVIDIA on 2026-09-09, through the shared chat address",
        ),
        read=plain.read,
        sampling=Sampling(max_tokens=512, temperature=1.0, top_p=1.0),
        limits=SamplingLimits(max_tokens=4096, temperature=(0.0, 1.0)),
        prompts=("What is in this image?", "Where does each trail lead, and how far is it?"),
        samples=("poster.jpg", "sign.jpg"),
        fallback=_INTEGRATE,
        weights=Weights(
            id="meta-llama/Llama-3.2-11B-Vision-Instruct",
            licence="Llama 3.2",
            gigabytes=21.3,
            gated=True,
        ),
    ),
    Model(
        id="microsoft/phi-3.5-vision-instruct",
        title="Phi-3.5 Vision",
        publisher="Microsoft",
        about=(
            "A small chat model with a long memory, trained on dense documents; compares several "
            "pictures at once."
        ),
        url=_INTEGRATE,
        link=_BUILD + "microsoft/phi-3_5-vision-instruct",
        hosted=Hosted(
            state="unknown",
            checked="2026-08-29",
            why="not in NVIDIA's list of models on 2026-08-29: very probably withdrawn",
        ),
        read=plain.read,
        sampling=Sampling(max_tokens=512, temperature=0.2, top_p=0.7),
        limits=SamplingLimits(max_tokens=1024, temperature=(0.0, 1.0)),
        prompts=("Describe the image.", "Summarize the deck of slides."),
        samples=("receipt.png", "slide1.png"),
        weights=Weights(
            id="microsoft/Phi-3.5-vision-instruct", licence="MIT", gigabytes=8.3, served=True
        ),
        pictures=20,
    ),
    Model(
        id="microsoft/florence-2",
        title="Florence-2",
        publisher="Microsoft",
        about=(
            "One small model for 14 vision tasks: captions, detection, segmentation, grounding "
            "and reading text."
        ),
        url=_VLM + "microsoft/florence-2",
        link=_BUILD + "microsoft/microsoft-florence-2",
        hosted=Hosted(
            state="unknown",
            checked="2026-10-10",
            why="reported as removed from NVIDIA's site; no dated test is known",
        ),
        read=florence2.text,
        samples=("sign.jpg",),
        tasks=TASKS,
        weights=Weights(id="florence-community/Florence-2-base", licence="MIT", gigabytes=0.5),
        streams=False,
        converses=False,
        asset=True,
    ),
    Model(
        id="google/paligemma",
        title="PaliGemma",
        publisher="Google",
        about="Answers short questions about a picture; “detect …” and “segment …” give places.",
        url=_VLM + "google/paligemma",
        link=_BUILD + "google/google-paligemma",
        hosted=Hosted(
            state="unknown",
            checked="2026-08-19",
            why="not in a list of NVIDIA's free models on 2026-08-19: probably withdrawn",
        ),
        read=paligemma.read,
        sampling=Sampling(max_tokens=512, temperature=1.0, top_p=0.7),
        prompts=("Describe the image.", "detect cat"),
        samples=("poster.jpg", "cat.jpg"),
        converses=False,
        weights=Weights(
            id="google/paligemma-3b-mix-224", licence="Gemma", gigabytes=11.7, gated=True
        ),
    ),
    Model(
        id="nvidia/neva-22b",
        title="NeVA",
        publisher="NVIDIA",
        about=(
            "NVIDIA's take on LLaVA: a CLIP eye in front of a 22-billion-parameter GPT, tuned to "
            "follow instructions."
        ),
        url=_VLM + "nvidia/neva-22b",
        link=_BUILD + "nvidia/neva-22b",
        hosted=Hosted(
            state="withdrawn", checked="2026-08-29", why="NVIDIA answered “not found” on 2026-08-29"
        ),
        read=plain.read,
        sampling=Sampling(max_tokens=1024, temperature=0.2, top_p=0.7, seed=0),
        prompts=("Describe what you see in this image.", "What does this page explain?"),
        samples=("poster.jpg", "page.png"),
        weights=Weights(
            id="llava-hf/llava-1.5-7b-hf",
            licence="Llama 2",
            gigabytes=14.1,
            instead=(
                "NeVA is NVIDIA's LLaVA; its weights are not published in this form, so LLaVA "
                "1.5 answers here"
            ),
        ),
    ),
    Model(
        id="microsoft/kosmos-2",
        title="Kosmos-2",
        publisher="Microsoft",
        about=(
            "Captions and answers whose phrases are tied to places: each thing that it mentions "
            "gets its box."
        ),
        url=_VLM + "microsoft/kosmos-2",
        link=_BUILD + "microsoft/microsoft-kosmos-2",
        hosted=Hosted(
            state="withdrawn",
            checked="2026-10-05",
            why="NVIDIA answered “not found” on 2026-08-29 and 2026-10-05",
        ),
        read=kosmos2.read,
        sampling=Sampling(max_tokens=1024, temperature=0.2, top_p=0.2),
        prompts=("Who is in this photo?", "What does the sign say?"),
        samples=("astronaut.jpg", "sign.jpg"),
        streams=False,
        converses=False,
        weights=Weights(id="microsoft/kosmos-2-patch14-224", licence="MIT", gigabytes=6.7),
    ),
    Model(
        id="google/deplot",
        title="DePlot",
        publisher="Google",
        about="Turns the picture of a chart back into the table behind it.",
        url=_VLM + "google/deplot",
        link=_BUILD + "google/google-deplot",
        hosted=Hosted(
            state="withdrawn", checked="2026-08-29", why="NVIDIA answered “not found” on 2026-08-29"
        ),
        read=deplot.read,
        sampling=Sampling(max_tokens=1024, temperature=0.2, top_p=0.2),
        prompts=("Generate underlying data table of the figure below:",) * 3,
        samples=("chart.png", "grouped.png", "horizontal.png"),
        converses=False,
        tables=True,
        weights=Weights(id="google/deplot", licence="Apache-2.0", gigabytes=1.1),
    ),
    Model(
        id="nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
        title="Nemotron 3 Omni",
        publisher="NVIDIA",
        about=(
            "Also live at NVIDIA: a reasoning model for text, pictures, sound and video; here it "
            "gets text and pictures."
        ),
        url=_INTEGRATE,
        link=_BUILD + "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
        hosted=Hosted(
            state="alive",
            checked="2026-10-05",
            why="answered at NVIDIA on 2026-10-05; a picture was read right on 2026-08-19",
        ),
        read=plain.read,
        sampling=Sampling(max_tokens=1024, temperature=0.6, top_p=0.95),
        limits=SamplingLimits(max_tokens=4096, temperature=(0.0, 1.0)),
        prompts=("What is in this image?", "Add up the items: is the total right?"),
        samples=("sign.jpg", "receipt.png"),
        parts=True,
    ),
)


def find_model(id: str) -> Model:
    """Find a model of the catalogue by its id. Raises BadPrompt, with all ids, for another one."""
    for model in CATALOGUE:
        if model.id == id:
            return model
    known = ", ".join(model.id for model in CATALOGUE)
    raise BadPrompt(f"There is no model “{str(id)[:80]}” here. Known: {known}.")


def check_sampling(model: Model, sampling: Sampling) -> Sampling:
    """Return the same sampling if the model's endpoint accepts it.

    Raises BadPrompt with the accepted range otherwise.
    """
    limits = model.limits
    ranges = (
        ("max_tokens", sampling.max_tokens, 1, limits.max_tokens),
        ("temperature", sampling.temperature, *limits.temperature),
        ("top_p", sampling.top_p, *limits.top_p),
        ("seed", sampling.seed or 0, 0, _MAX_SEED),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:  # also true of NaN
            raise BadPrompt(
                f"{name} must be from {low:g} to {high:g} for {model.title}{_rejected(value)}."
            )
    return sampling


def _rejected(value: float) -> str:
    """Name a rejected value; nothing for an integer that is too large to be formatted."""
    return "" if abs(value) > 1e300 else f", not {value:g}"


def check_schema(text: str) -> str:
    """Return the JSON schema of an answer as compact JSON; empty for an empty text.

    Raises BadPrompt for what is no JSON object.
    """
    if not text.strip():
        return ""
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise BadPrompt(f"The JSON schema is no JSON: {error}.") from None
    except RecursionError:
        raise BadPrompt("The JSON schema is nested too deeply.") from None
    if not isinstance(schema, dict):
        raise BadPrompt('The JSON schema must be an object, such as {"type": "object"}.')
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
