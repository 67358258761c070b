"""Several answers as one: what was asked about boxes joins the answer that they came from."""

from collections.abc import Sequence
from dataclasses import replace

from vlm_backends.types import Answer, Region

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in 0..1


def box_of(region: Region) -> Box:
    """The smallest upright box around the region, in 0..1."""
    xs, ys = [x for x, _ in region.outline], [y for _, y in region.outline]
    return min(xs), min(ys), max(xs), max(ys)


def corners(box: Box) -> tuple[tuple[float, float], ...]:
    """The box as an outline, clockwise from the top left."""
    x0, y0, x1, y1 = box
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def attached(base: Answer, boxes: Sequence[Box], found: Sequence[Answer]) -> Answer:
    """The base answer with what was found about each of the boxes: a line of text each, on top, and its regions.

    Where nothing but the box itself was found, the words name it, in place of what named it before; a mask in the box
    takes its name.
    """
    lines: list[str] = []
    fresh: list[Region] = []
    at = 0
    for box, answer in zip(boxes, found):
        name, words = _name(base, box), " ".join(answer.text.split())
        outlines = [region for region in answer.regions if not _is(region, box)]
        line = f"{name}: {words}" if name and words and outlines else words or name or "your region"
        span = at, at + len(line)
        fresh += [
            region._replace(label=name or region.label or line, span=span) for region in outlines
        ]
        fresh += [] if outlines else [Region(line, corners(box), span=span)]
        lines.append(line)
        at += len(line) + 1
    text = "\n".join([*lines, *([base.text] if base.text else [])])
    kept = [
        region
        for region in base.regions
        if not any(_is(region, box_of(new)) for new in fresh if not new.is_mask)
    ]
    moved = [region._replace(span=_moved(region.span, at)) for region in kept]
    last = found[-1] if found else base
    return replace(
        last,
        text=text,
        regions=(*fresh, *moved),
        literal=base.literal or last.literal,
        rows=base.rows,
    )


def grounded(caption: Answer, found: Answer) -> Answer:
    """The caption with the regions that were found for its phrases, each tied to the words that name it."""
    text = caption.text
    low = text.lower()

    def span(label: str) -> tuple[int, int] | None:
        at = low.find(label.strip().lower()) if label.strip() else -1
        return (at, at + len(label.strip())) if at >= 0 else None

    tied = tuple(region._replace(span=span(region.label)) for region in found.regions)
    return replace(found, text=text, regions=tied)


def _name(base: Answer, box: Box) -> str:
    """The label that the base answer gives to what stands in the box; empty when it gives none."""
    return next((region.label for region in base.regions if region.label and _is(region, box)), "")


def _is(region: Region, box: Box) -> bool:
    """True when the region is this box, as exactly as Florence-2 can spell one."""
    close = region.outline and max(abs(a - b) for a, b in zip(box_of(region), box)) < 3e-3
    return bool(close) and not region.is_mask


def _moved(span: tuple[int, int] | None, by: int) -> tuple[int, int] | None:
    return span and (span[0] + by, span[1] + by)
