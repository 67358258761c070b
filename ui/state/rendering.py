"""A reply on its way to the screen: safe Markdown, the picture with its regions, the JSON, the small print."""

from dataclasses import asdict

from ui.core.markdown import as_markdown, verbatim  # noqa: F401 (as_markdown: until callers follow)
from ui.core.storage import picture_path as keep
from ui.core.storage import store_picture as shelved  # noqa: F401 (until its callers follow)
from ui.state.question import Asked
from vlm_backends import Picture, Region, Sent, draw
from vlm_backends.media import images


def as_json(asked: Asked) -> dict:
    """The reply as documented in the README: what was asked of whom, the words, the regions, what was sent."""
    answer, clock, sent = asked.answer, asked.clock, asked.answer.sent
    travelled = sent and {key: value for key, value in asdict(sent).items() if key != "way"} | {
        "as": sent.way
    }
    return {
        "engine": asked.engine.name,
        "model": asked.model.id,
        "task": asked.task.token if asked.task else None,
        "text": answer.text,
        "regions": [_region(region) for region in answer.regions],
        "rows": [list(row) for row in answer.rows],
        "note": answer.note,
        "sent": travelled,
        "time": {
            "first_s": clock.first_s and round(clock.first_s, 3),
            "total_s": round(clock.total_s, 3),
        },
    }


def _region(region: Region) -> dict:
    return {
        "label": region.label,
        "outline": [[round(x, 5), round(y, 5)] for x, y in region.outline],
        "solid": region.is_mask,
        "span": region.span and list(region.span),
    }


def small_print(asked: Asked) -> str:
    """Who answered, how the picture was sent and how long it took, as one small line of Markdown."""
    answer, clock = asked.answer, asked.clock
    parts = [answer.note or f"Answered by {asked.engine.name}."]
    if answer.sent and answer.sent.way:
        parts.append(_travelled(answer.sent))
    if clock.first_s is not None:
        parts.append(f"First words after {clock.first_s:.1f} s, all after {clock.total_s:.1f} s.")
    return f"<small>{verbatim(' '.join(parts))}</small>"


def _travelled(sent: Sent) -> str:
    kind, size = sent.mime.rpartition("/")[2].upper(), f"{sent.bytes / 1000:,.0f} kB"
    way = (
        "in the request"
        if sent.way == "inline"
        else "by NVIDIA's asset store, to be deleted after the answer"
    )
    return f"Picture sent as {sent.width} × {sent.height} {kind}, {size}, {way}."


def drawn(picture: Picture, regions: tuple[Region, ...]) -> str:
    """The path of the picture with its regions drawn at full resolution."""
    return keep(images.export(draw(images.pixels(picture), regions), picture.mime))
