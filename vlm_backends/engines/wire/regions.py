"""Parse the regions that hosted models send beside their text.

Kosmos-2 sends a list, in 0..1; Florence-2 an object, in pixels of the picture as it was sent.
"""

from collections.abc import Iterator

from vlm_backends.media.geometry import clamp, corners, ordered_box
from vlm_backends.types import Point, Region, Sent

_MAX_COORDINATE = 1e12  # pixels: a larger one is an error

# Where Florence-2 puts outlines, and under which names their labels; True: they are masks. The
# names are those of transformers' post-processing.
_FLORENCE2 = (
    ("bboxes", ("labels", "bboxes_labels"), False),
    ("quad_boxes", ("labels", "quad_boxes_labels"), False),
    ("polygons", ("polygons_labels", "labels"), True),
)


def regions(entities: object, text: str, sent: Sent | None) -> tuple[Region, ...]:
    """Return the regions of a message's `entities`, in 0..1; skip malformed ones.

    `text` is the message's, which the spans of labels refer to; `sent` has the size in pixels.
    """
    if isinstance(entities, list):
        return tuple(_of_kosmos2(entities, text))
    if isinstance(entities, dict) and sent:
        return tuple(_of_florence2(entities, sent))
    return ()


def _of_kosmos2(entities: list, text: str) -> Iterator[Region]:
    for entity in entities:
        if not isinstance(entity, dict):
            continue
        phrase = entity.get("phrase")
        phrase = phrase if isinstance(phrase, str) else ""
        if region := _of_own_server(entity, phrase):
            yield region
            continue
        span = _span(entity.get("substring"), phrase, text)
        for box in _lists(entity.get("bboxes")):
            if outline := _outline(box, 1, 1):
                yield Region(phrase, outline, span=span)


def _of_own_server(entity: dict, phrase: str) -> Region | None:
    """Return the region of an entity as this project's own server sends it; None for others."""
    points = _lists(entity.get("outline"))
    flat = [value for point in points if len(point) == 2 for value in point]
    outline = _outline(flat, 1, 1) if len(flat) > 4 else ()
    span = entity.get("span")
    ends = (
        tuple(span)
        if isinstance(span, list) and [type(end) for end in span] == [int, int]
        else (-1, -1)
    )
    span = ends if 0 <= ends[0] <= ends[1] else None  # a label may be empty
    score = entity.get("score")
    score = float(score) if isinstance(score, (int, float)) and 0 <= score <= 1 else None
    is_mask = entity.get("solid") is True
    return Region(phrase, outline, is_mask, span, score) if outline else None


def _span(substring: object, phrase: str, text: str) -> tuple[int, int] | None:
    """Return the phrase's span in the text without leading blanks, end exclusive.

    NVIDIA's ends are inclusive.
    """
    shift = len(text) - len(text.lstrip())
    starts = (
        [substring[0]]
        if isinstance(substring, list) and substring and isinstance(substring[0], int)
        else []
    )
    for start in (*starts, text.find(phrase)):
        if phrase and start >= shift and text.startswith(phrase, start):
            return start - shift, start - shift + len(phrase)
    return None


def _of_florence2(entities: dict, sent: Sent) -> Iterator[Region]:
    for key, names, is_mask in _FLORENCE2:
        labels = next(
            (entities[name] for name in names if isinstance(entities.get(name), list)), []
        )
        for i, shape in enumerate(_lists(entities.get(key))):
            label = labels[i] if i < len(labels) and isinstance(labels[i], str) else ""
            for flat in _rings(shape):
                if outline := _outline(flat, sent.width, sent.height):
                    yield Region(label.replace("</s>", "").strip(), outline, is_mask)


def _rings(shape: list) -> Iterator[list]:
    """Yield flat coordinate lists: an object has one, or a list of several polygons."""
    if shape and all(isinstance(part, list) for part in shape):
        for part in shape:
            yield from _rings(part)
    else:
        yield shape


def _outline(flat: list, width: int, height: int) -> tuple[Point, ...]:
    """Return the corners, in 0..1, of a box (four numbers) or of a ring (six or more).

    Empty for anything else. The numbers are x, y, x, y, … in units where the picture is
    `width` × `height`.
    """
    if not all(isinstance(v, (int, float)) and abs(v) < _MAX_COORDINATE for v in flat):
        return ()
    points = [
        (clamp(x / width), clamp(y / height)) for x, y in zip(flat[::2], flat[1::2], strict=False)
    ]
    if len(points) == 2:
        (xa, ya), (xb, yb) = points
        return corners(ordered_box(xa, ya, xb, yb))
    return tuple(points) if len(points) >= 3 else ()


def _lists(value: object) -> list[list]:
    return [item for item in value if isinstance(item, list)] if isinstance(value, list) else []
