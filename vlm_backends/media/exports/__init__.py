"""Export an answer in formats that other programs open.

Regions come in 0..1 and leave in pixels, by the convention of `media.geometry`. Labels and words
are a model's, so nothing in them may act as markup, as a formula, or as another turn of the
conversation in the file that they end up in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from vlm_backends.errors import BadPrompt
from vlm_backends.media.exports.coco import as_coco
from vlm_backends.media.exports.common import file_name, to_json
from vlm_backends.media.exports.conversation import as_conversation, as_text
from vlm_backends.media.exports.page import as_page
from vlm_backends.media.exports.raster import as_mask, as_png
from vlm_backends.media.exports.svg import as_svg
from vlm_backends.media.exports.tables import as_csv, as_markdown
from vlm_backends.media.exports.voc import as_voc
from vlm_backends.media.exports.yolo import as_yolo
from vlm_backends.text import clean
from vlm_backends.types import Answer, Picture, Region

__all__ = [
    "FORMATS",
    "Format",
    "as_coco",
    "as_conversation",
    "as_csv",
    "as_markdown",
    "as_mask",
    "as_page",
    "as_png",
    "as_svg",
    "as_text",
    "as_voc",
    "as_yolo",
]


class Format(NamedTuple):
    """A kind of file that an answer can be saved as."""

    extension: str  # without a dot
    mime: str
    write: Callable[[Picture | None, Answer], bytes]  # BadPrompt when it has nothing to write


def _drawable(picture: Picture | None, answer: Answer) -> tuple[Picture, Sequence[Region]]:
    """Return the picture and the regions to draw on it. Raises BadPrompt without a picture."""
    if not picture:
        raise BadPrompt("There is no picture to draw on. Ask about a picture first.")
    return picture, answer.regions


def _located(picture: Picture | None, answer: Answer) -> tuple[Picture, Sequence[Region]]:
    """Return the picture and the regions. Raises BadPrompt when either is missing."""
    if not answer.regions:
        raise BadPrompt(
            "This answer marks no place in the picture. "
            "Ask where things are, or keep its words as Text."
        )
    return _drawable(picture, answer)


def _png(picture: Picture | None, answer: Answer) -> bytes:
    return as_png(*_drawable(picture, answer)).data


def _svg(picture: Picture | None, answer: Answer) -> bytes:
    return as_svg(*_drawable(picture, answer)).encode()


def _name(picture: Picture) -> str:
    return clean(picture.title) or file_name(picture)


def _coco(picture: Picture | None, answer: Answer) -> bytes:
    located, regions = _located(picture, answer)
    return to_json(as_coco([(_name(located), located, regions)]))


def _voc(picture: Picture | None, answer: Answer) -> bytes:
    located, regions = _located(picture, answer)
    return as_voc(_name(located), located, regions).encode()


def _yolo(picture: Picture | None, answer: Answer) -> bytes:
    return as_yolo(*_located(picture, answer))


def _page(picture: Picture | None, answer: Answer) -> bytes:
    located, _ = _drawable(picture, answer)
    return as_page(located, answer).encode()


def _csv(picture: Picture | None, answer: Answer) -> bytes:
    table = as_csv(answer, None if answer.rows else _located(picture, answer)[0])
    return table.encode("utf-8-sig")  # Excel recognises UTF-8 by this mark only


def _markdown(picture: Picture | None, answer: Answer) -> bytes:
    if answer.rows:
        return as_markdown(answer.rows).encode()
    raise BadPrompt("This answer has no table. Ask about a picture with a table or a chart.")


def _text(picture: Picture | None, answer: Answer) -> bytes:
    if words := as_text(answer):
        return words.encode()
    raise BadPrompt("This answer has no words. Ask again, or keep its places as CSV.")


def _mask(picture: Picture | None, answer: Answer) -> bytes:
    return as_mask(*_located(picture, answer)).data


FORMATS: Mapping[str, Format] = {
    "PNG": Format("png", "image/png", _png),
    "SVG": Format("svg", "image/svg+xml", _svg),
    "Web page": Format("html", "text/html", _page),
    "COCO": Format("json", "application/json", _coco),
    "YOLO": Format("zip", "application/zip", _yolo),
    "Pascal VOC": Format("xml", "application/xml", _voc),
    "CSV": Format("csv", "text/csv", _csv),
    "Markdown": Format("md", "text/markdown", _markdown),
    "Text": Format("txt", "text/plain", _text),
    "Mask": Format("png", "image/png", _mask),
}
