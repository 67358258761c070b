"""Florence-2 of the local NVIDIA-wire server: fixed answers to its fourteen tasks, in pixels of the picture as sent.

The keys of quads, polygons and open vocabulary are those of the model's own post-processing; no hosted reply with
them was ever recorded.
"""

import re

from tests.support.wire.pictures import Bitmap, plain_png
from tests.support.wire.problems import Refusal, unprocessable
from tests.support.wire.questions import Question

Shape = tuple[float, ...]  # x, y, x, y … in 0..1
Found = list[tuple[str, list[Shape]]]  # a label with its outlines

NOTHING, WORDS, REGION = "nothing", "words", "region"
TASKS = {
    "<CAPTION>": NOTHING,
    "<DETAILED_CAPTION>": NOTHING,
    "<MORE_DETAILED_CAPTION>": NOTHING,
    "<OD>": NOTHING,
    "<DENSE_REGION_CAPTION>": NOTHING,
    "<REGION_PROPOSAL>": NOTHING,
    "<CAPTION_TO_PHRASE_GROUNDING>": WORDS,
    "<REFERRING_EXPRESSION_SEGMENTATION>": WORDS,
    "<REGION_TO_SEGMENTATION>": REGION,
    "<OPEN_VOCABULARY_DETECTION>": WORDS,
    "<REGION_TO_CATEGORY>": REGION,
    "<REGION_TO_DESCRIPTION>": REGION,
    "<OCR>": NOTHING,
    "<OCR_WITH_REGION>": NOTHING,
}
BOX, QUAD, POLYGONS = "box", "quad", "polygons"
_REGION = re.compile(r"<loc_(\d{1,3})><loc_(\d{1,3})><loc_(\d{1,3})><loc_(\d{1,3})>")
_FIRST, _SECOND = (0.1, 0.2, 0.5, 0.8), (0.6, 0.6, 0.9, 0.95)


def answer(question: Question, structured: bool) -> tuple[str, dict | None, bytes | None]:
    """Return content, entities and overlay; regions as `entities`, or as location tokens in the content."""
    match = re.match(r"<[A-Z_]+>", question.text)
    task = match[0] if match else ""
    rest = question.text[len(task) :].strip()
    _check(task, rest)
    words, shape, found = _say(task, rest, question.picture)
    if not found:
        return words, None, None
    if structured:
        return words, _entities(task, shape, found, question.picture), plain_png()
    return _tokens(shape, found), None, plain_png()


def _check(task: str, rest: str) -> None:
    takes = TASKS.get(task)
    wrong = {
        None: "The content must start with one of the task prompts",
        NOTHING: "" if not rest else f"{task} should be the only token in the text",
        WORDS: "" if rest else f"{task} needs a text prompt",
        REGION: "" if _REGION.fullmatch(rest) else f"{task} needs <loc_x1><loc_y1><loc_x2><loc_y2>",
    }[takes]
    if wrong:
        raise Refusal(unprocessable(wrong))


def _say(task: str, rest: str, picture: Bitmap) -> tuple[str, str, Found]:
    """Return the words, the kind of outline, and what was found."""
    size = f"a {picture.kind} of {picture.width} by {picture.height} pixels"
    if task.endswith("CAPTION>") and task != "<DENSE_REGION_CAPTION>":
        return f"This is {size}, and the task was {task.strip('<>').lower()}.", BOX, []
    if task == "<OCR>":
        return f"OPEN {picture.width}x{picture.height}", BOX, []
    if task in ("<REGION_TO_CATEGORY>", "<REGION_TO_DESCRIPTION>"):
        return ("car" if "CATEGORY" in task else f"a car in {size}") + rest, BOX, []
    if task == "<OCR_WITH_REGION>":
        return "", QUAD, [("</s>OPEN", [_quad(_FIRST)]), ("24 HOURS", [_quad(_SECOND)])]
    if task == "<REFERRING_EXPRESSION_SEGMENTATION>":
        return "", POLYGONS, [("", [_hexagon(_FIRST), _hexagon(_SECOND)])]
    if task == "<REGION_TO_SEGMENTATION>":
        box = tuple((int(bin) + 0.5) / 1000 for bin in _REGION.fullmatch(rest).groups())
        return "", POLYGONS, [("", [_hexagon(box)])]
    if task == "<CAPTION_TO_PHRASE_GROUNDING>":
        phrases = rest.rstrip(".").split()
        return (
            rest,
            BOX,
            [(" ".join(phrases[:-1]) or phrases[-1], [_FIRST]), (phrases[-1], [_SECOND])],
        )
    labels = {
        "<OD>": ("car", "wheel"),
        "<DENSE_REGION_CAPTION>": ("a car on the left", "a black wheel"),
        "<REGION_PROPOSAL>": ("", ""),
        "<OPEN_VOCABULARY_DETECTION>": (rest, rest),
    }[task]
    return "", BOX, [(labels[0], [_FIRST]), (labels[1], [_SECOND])]


def _entities(task: str, shape: str, found: Found, picture: Bitmap) -> dict:
    labels = [label for label, _ in found]
    outlines = [[_pixels(outline, picture) for outline in outlines] for _, outlines in found]
    if shape == POLYGONS:
        return {"polygons": outlines, "labels": labels}
    flat = [outline for (outline,) in outlines]
    if shape == QUAD:
        return {"quad_boxes": flat, "labels": labels}
    if task == "<OPEN_VOCABULARY_DETECTION>":
        return {"bboxes": flat, "bboxes_labels": labels, "polygons": [], "polygons_labels": []}
    return {"bboxes": flat, "labels": labels}


def _tokens(shape: str, found: Found) -> str:
    """Return the regions as the model writes them: the label, then its outlines as location tokens."""
    spelled = []
    for label, outlines in found:
        bins = (
            "".join(f"<loc_{min(999, int(at * 1000))}>" for at in outline) for outline in outlines
        )
        spelled.append(label + "<sep>".join(bins))
    return "".join(spelled)


def _pixels(outline: Shape, picture: Bitmap) -> list[float]:
    return [
        round(at * (picture.height if index % 2 else picture.width), 3)
        for index, at in enumerate(outline)
    ]


def _quad(box: Shape) -> Shape:
    left, top, right, bottom = box
    return (left, top, right, top, right, bottom, left, bottom)


def _hexagon(box: Shape) -> Shape:
    left, top, right, bottom = box
    middle, quarter = (top + bottom) / 2, (right - left) / 4
    return (left, middle, left + quarter, top, right - quarter, top, right, middle, right - quarter, bottom,
            left + quarter, bottom)  # fmt: skip
