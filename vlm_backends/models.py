"""The catalogue: one entry a model, one row a Florence-2 task.

To add a model, add an entry; the tab, the API, the README's table and the tests follow from it.
What is known of each model's hosted state was collected up to 2026-10-10 from third parties' calls.
"""

from vlm_backends.errors import BadPrompt
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain
from vlm_backends.types import Hosted, Model, Sampling, SamplingLimits, Task, Weights

_VLM = "https://ai.api.nvidia.com/v1/vlm/"
_INTEGRATE = "https://integrate.api.nvidia.com/v1/chat/completions"
_BUILD = "https://build.nvidia.com/"

DESCRIBE, FIND, SEGMENT, REGION, READ = (
    "Describe",
    "Find",
    "Segment",
    "Ask about a region",
    "Read text",
)


TASKS = (
    Task("<CAPTION>", "Caption", DESCRIBE, "One sentence about the picture.", florence2.text),
    Task(
        "<DETAILED_CAPTION>",
        "Detailed caption",
        DESCRIBE,
        "A few sentences about the picture.",
        florence2.text,
    ),
    Task(
        "<MORE_DETAILED_CAPTION>",
        "Long caption",
        DESCRIBE,
        "A paragraph about the picture.",
        florence2.text,
    ),
    Task("<OD>", "Detect objects", FIND, "A labelled box around each object.", florence2.boxes),
    Task(
        "<DENSE_REGION_CAPTION>",
        "Caption regions",
        FIND,
        "A box and a phrase for each part that stands out.",
        florence2.boxes,
    ),
    Task(
        "<REGION_PROPOSAL>",
        "Propose regions",
        FIND,
        "Boxes around whatever may be an object, without names.",
        florence2.boxes,
    ),
    Task(
        "<CAPTION_TO_PHRASE_GROUNDING>",
        "Ground a sentence",
        FIND,
        "Finds the things that your sentence names.",
        florence2.boxes,
        "words",
        example="Follow the path from the Visitor Center to Lake Loop.",
    ),
    Task(
        "<REFERRING_EXPRESSION_SEGMENTATION>",
        "Segment by words",
        SEGMENT,
        "An outline of what you describe.",
        florence2.polygons,
        "words",
        example="a cat with green eyes",
    ),
    Task(
        "<REGION_TO_SEGMENTATION>",
        "Segment a region",
        SEGMENT,
        "An outline of the object in your box.",
        florence2.polygons,
        "region",
        florence2.write_locations,
        example=(0.12, 0.04, 0.81, 0.97),
    ),
    Task(
        "<OPEN_VOCABULARY_DETECTION>",
        "Find by words",
        FIND,
        "A box around each thing that you name.",
        florence2.boxes_or_polygons,
        "words",
        example="Eagle Point",
    ),
    Task(
        "<REGION_TO_CATEGORY>",
        "Name a region",
        REGION,
        "What kind of thing is in your box.",
        florence2.text,
        "region",
        florence2.write_locations,
        example=(0.12, 0.04, 0.81, 0.97),
    ),
    Task(
        "<REGION_TO_DESCRIPTION>",
        "Describe a region",
        REGION,
        "A phrase about what is in your box.",
        florence2.text,
        "region",
        florence2.write_locations,
        example=(0.12, 0.04, 0.81, 0.97),
    ),
    Task("<OCR>", "Read", READ, "All text in the picture.", florence2.text),
    Task(
        "<OCR_WITH_REGION>",
        "Read and locate",
        READ,
        "All text, each line with its place.",
        florence2.quads,
    ),
)

CATALOGUE = (
    Model(
        "meta/llama-3.2-11b-vision-instruct",
        "Llama 3.2 Vision",
        "Meta",
        "A chat model that sees: describes pictures, answers questions about them, reads documents and charts.",
        "https://ai.api.nvidia.com/v1/gr/meta/llama-3.2-11b-vision-instruct/chat/completions",
        _BUILD + "meta/llama-3.2-11b-vision-instruct",
        Hosted(
            "alive",
            "2026-09-09",
            "answered at NVIDIA on 2026-09-09, through the shared chat address",
        ),
        plain.read,
        Sampling(512, 1.0, 1.0),
        SamplingLimits(4096, (0.0, 1.0)),
        prompts=("What is in this image?", "Where does each trail lead, and how far is it?"),
        samples=("poster.jpg", "sign.jpg"),
        fallback=_INTEGRATE,
        weights=Weights("meta-llama/Llama-3.2-11B-Vision-Instruct", "Llama 3.2", 21.3, gated=True),
    ),
    Model(
        "microsoft/phi-3.5-vision-instruct",
        "Phi-3.5 Vision",
        "Microsoft",
        "A small chat model with a long memory, trained on dense documents; compares several pictures at once.",
        _INTEGRATE,
        _BUILD + "microsoft/phi-3_5-vision-instruct",
        Hosted(
            "unknown",
            "2026-08-29",
            "not in NVIDIA's list of models on 2026-08-29: very probably withdrawn",
        ),
        plain.read,
        Sampling(512, 0.2, 0.7),
        SamplingLimits(1024, (0.0, 1.0)),
        prompts=("Describe the image.", "Summarize the deck of slides."),
        samples=("receipt.png", "slide1.png"),
        weights=Weights("microsoft/Phi-3.5-vision-instruct", "MIT", 8.3, served=True),
        pictures=20,
    ),
    Model(
        "microsoft/florence-2",
        "Florence-2",
        "Microsoft",
        "One small model for 14 vision tasks: captions, detection, segmentation, grounding and reading text.",
        _VLM + "microsoft/florence-2",
        _BUILD + "microsoft/microsoft-florence-2",
        Hosted(
            "unknown",
            "2026-10-10",
            "reported as removed from NVIDIA's site; no dated test is known",
        ),
        florence2.text,
        samples=("sign.jpg",),
        tasks=TASKS,
        weights=Weights("florence-community/Florence-2-base", "MIT", 0.9),
        streams=False,
        converses=False,
        asset=True,
    ),
    Model(
        "google/paligemma",
        "PaliGemma",
        "Google",
        "Answers short questions about a picture; `detect …` and `segment …` give places.",
        _VLM + "google/paligemma",
        _BUILD + "google/google-paligemma",
        Hosted(
            "unknown",
            "2026-08-19",
            "not in a list of NVIDIA's free models on 2026-08-19: probably withdrawn",
        ),
        paligemma.read,
        Sampling(512, 1.0, 0.7),
        prompts=("Describe the image.", "detect cat"),
        samples=("poster.jpg", "cat.jpg"),
        converses=False,
        weights=Weights("google/paligemma-3b-mix-224", "Gemma", 11.7, gated=True),
    ),
    Model(
        "nvidia/neva-22b",
        "NeVA",
        "NVIDIA",
        "NVIDIA's take on LLaVA: a CLIP eye in front of a 22-billion-parameter GPT, tuned to follow instructions.",
        _VLM + "nvidia/neva-22b",
        _BUILD + "nvidia/neva-22b",
        Hosted("withdrawn", "2026-08-29", "NVIDIA answered “not found” on 2026-08-29"),
        plain.read,
        Sampling(1024, 0.2, 0.7, 0),
        prompts=("Describe what you see in this image.", "What does this page explain?"),
        samples=("poster.jpg", "page.png"),
        weights=Weights(
            "llava-hf/llava-1.5-7b-hf",
            "Llama 2",
            14.1,
            instead="NeVA is NVIDIA's LLaVA; its weights are not published in this form, so LLaVA 1.5 answers here",
        ),
    ),
    Model(
        "microsoft/kosmos-2",
        "Kosmos-2",
        "Microsoft",
        "Captions and answers whose phrases are tied to places: each thing that it mentions gets its box.",
        _VLM + "microsoft/kosmos-2",
        _BUILD + "microsoft/microsoft-kosmos-2",
        Hosted(
            "withdrawn", "2026-10-05", "NVIDIA answered “not found” on 2026-08-29 and 2026-10-05"
        ),
        kosmos2.read,
        Sampling(1024, 0.2, 0.2),
        prompts=("Who is in this photo?", "What does the sign say?"),
        samples=("astronaut.jpg", "sign.jpg"),
        streams=False,
        converses=False,
        weights=Weights("microsoft/kosmos-2-patch14-224", "MIT", 6.7),
    ),
    Model(
        "google/deplot",
        "DePlot",
        "Google",
        "Turns the picture of a chart back into the table behind it.",
        _VLM + "google/deplot",
        _BUILD + "google/google-deplot",
        Hosted("withdrawn", "2026-08-29", "NVIDIA answered “not found” on 2026-08-29"),
        deplot.read,
        Sampling(1024, 0.2, 0.2),
        prompts=("Generate underlying data table of the figure below:",) * 3,
        samples=("chart.png", "grouped.png", "horizontal.png"),
        converses=False,
        tables=True,
        weights=Weights("google/deplot", "Apache-2.0", 1.1),
    ),
    Model(
        "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
        "Nemotron 3 Omni",
        "NVIDIA",
        "Also live at NVIDIA: a reasoning model for text, pictures, sound and video; here it gets text and pictures.",
        _INTEGRATE,
        _BUILD + "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
        Hosted(
            "alive",
            "2026-10-05",
            "answered at NVIDIA on 2026-10-05; a picture was read right on 2026-08-19",
        ),
        plain.read,
        Sampling(1024, 0.6, 0.95),
        SamplingLimits(4096, (0.0, 1.0)),
        prompts=("What is in this image?", "Add up the items: is the total right?"),
        samples=("sign.jpg", "receipt.png"),
        parts=True,
    ),
)


def find_model(id: str) -> Model:
    """The catalogue's entry of this id; BadPrompt when there is none."""
    for model in CATALOGUE:
        if model.id == id:
            return model
    raise BadPrompt(
        f"There is no model “{str(id)[:80]}” here. Known: {', '.join(model.id for model in CATALOGUE)}."
    )


def find_task(token: str) -> Task:
    """The Florence-2 task of this token, with or without its angle brackets; BadPrompt when there is none."""
    for task in TASKS:
        if task.token.strip("<>") == str(token).strip().strip("<>").upper():
            return task
    raise BadPrompt(
        f"There is no task “{str(token)[:80]}”. Known: {', '.join(task.token for task in TASKS)}."
    )


def write_task(task: Task, words: str = "", region: object = None) -> str:
    """The task's prompt, such as `<OD>` or `<REGION_TO_CATEGORY><loc_…>…`; BadPrompt when something is missing.

    `region` is a box (x0, y0, x1, y1) in 0..1; corners may be swapped.
    """
    if task.takes == "words":
        if not (words or "").strip():
            raise BadPrompt(
                f"“{task.title}” needs words: write what to look for, such as “{task.example}”."
            )
        return task.token + task.write(words.strip())
    if task.takes == "region":
        return task.token + task.write(check_region(region))
    return task.token


def check_region(region: object) -> tuple[float, float, float, float]:
    """The box with its corners in order; BadPrompt when it is none or has no area."""
    try:
        x0, y0, x1, y1 = map(float, region)
    except (TypeError, ValueError, OverflowError):
        raise BadPrompt(
            "This task needs a region: four numbers from 0 to 1, left, top, right, bottom."
        ) from None
    if not all(0 <= value <= 1 for value in (x0, y0, x1, y1)):
        raise BadPrompt("The region lies outside of the picture: its numbers must be from 0 to 1.")
    if abs(x1 - x0) < 0.002 or abs(y1 - y0) < 0.002:
        raise BadPrompt("The region is empty: draw or type a larger box.")
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def check_sampling(model: Model, sampling: Sampling) -> Sampling:
    """The same sampling, when the model's endpoint accepts it; BadPrompt with the accepted range otherwise."""
    limits = model.limits
    ranges = (
        ("max_tokens", sampling.max_tokens, 1, limits.max_tokens),
        ("temperature", sampling.temperature, *limits.temperature),
        ("top_p", sampling.top_p, *limits.top_p),
        ("seed", sampling.seed or 0, 0, 2**64 - 1),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:  # also true of NaN
            given = (
                "" if abs(value) > 1e300 else f", not {value:g}"
            )  # beyond it a whole number is no float
            raise BadPrompt(f"{name} must be from {low:g} to {high:g} for {model.title}{given}.")
    return sampling
