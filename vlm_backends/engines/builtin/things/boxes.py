"""A thing in a picture, and how much boxes overlap."""

from dataclasses import dataclass, replace

from vlm_backends.media.geometry import Box


@dataclass(frozen=True)
class Thing:
    """One thing: its kind, the network's score (0..1), its box in 0..1."""

    name: str
    score: float
    box: Box


def moved(thing: Thing, part: Box) -> Thing:
    """Return a thing of a part (0..1) of a picture with its box in the whole picture."""
    (left, top, right, bottom), (x0, y0, x1, y1) = part, thing.box
    wide, high = right - left, bottom - top
    return replace(
        thing, box=(left + x0 * wide, top + y0 * high, left + x1 * wide, top + y1 * high)
    )


def overlap(a: Box, b: Box) -> float:
    """Return the area that two boxes share, of the area that they cover together (IoU)."""
    inner = shared_area(a, b)
    return inner / max(box_area(a) + box_area(b) - inner, 1e-9)


def shared_area(a: Box, b: Box) -> float:
    """Return the area that two boxes share."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


def box_area(box: Box) -> float:
    """Return the area of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])
