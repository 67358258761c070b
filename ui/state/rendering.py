"""A reply on its way to the screen: safe Markdown, the picture with its regions, the JSON, the small print."""

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

from gradio.utils import get_upload_folder

from ui.core.storage import GUARD, KEPT
from ui.state.question import Asked
from vlm_backends import Answer, Picture, Region, Sent, draw
from vlm_backends.media import images
from vlm_backends.text import clean

_FENCED = re.compile(r"^(```[^`\n]*\n(?:(?!```).)*(?:^```[ ]*$|\Z))", re.DOTALL | re.MULTILINE)
_TAG, _PICTURE = re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"!(?=\[)")
_DIAGRAM = re.compile(
    r"(`{3,}|~{3,})([ \t]*)(?=mermaid)", re.IGNORECASE
)  # the browser would run it: it loads pictures
_JOINER = "\u2060"  # takes no room, and what it parts is neither a tag nor a picture
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+.!|~$=:&-])")


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


def as_markdown(answer: Answer) -> str:
    """The words as Markdown that loads nothing from elsewhere and holds no HTML."""
    if answer.literal:
        return verbatim(answer.text)
    text = clean(answer.text)
    fenced = "```" in text or "~~~" in text  # patterns take ten times as long to say no
    parts = _FENCED.split(_DIAGRAM.sub(rf"\1\2{_JOINER}", text)) if fenced else [text]
    plain = any(
        "```" in part or "~~~" in part for part in parts[::2]
    )  # a fence that readers may take differently
    for i in range(0, len(parts), 1 if plain else 2):
        parts[i] = _PICTURE.sub("!" + _JOINER, _TAG.sub("<" + _JOINER, parts[i]))
    return "".join(parts)


def verbatim(text: str) -> str:
    """Text that Markdown shows letter for letter, line for line."""
    return _PUNCTUATION.sub(r"\\\1", clean(text)).replace("\n", "  \n")


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


def shelved(source: images.Source) -> Picture:
    """The picture, its bytes in a file of the page: a visit may have many of them, and lasts in memory for hours."""
    picture = images.read(source)
    return replace(picture, source=Path(keep(picture)))


def keep(picture: Picture) -> str:
    """The path of the picture's file among the page's uploads, named by its content."""
    if isinstance(picture.source, Path):
        with suppress(OSError):  # it may be gone: who reads it is told so
            os.utime(picture.source)
        return str(picture.source)
    return store(f"picture.{picture.mime.rpartition('/')[2]}", picture.data)


def store(name: str, data: bytes) -> str:
    """The path of a file with this name and content among the page's uploads, where its address is hard to guess."""
    folder = Path(get_upload_folder()) / hashlib.sha256(data).hexdigest()
    path = folder / name
    with GUARD:
        KEPT.add(str(path))
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            os.utime(path)  # the page deletes what is old
        else:
            half = folder / f"{uuid4().hex}.part"
            half.write_bytes(data)
            os.replace(half, path)  # at once: another visitor may be reading it
    return str(path)
