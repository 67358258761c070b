"""An answer as files that other programs open: drawings, annotations, tables, words, a whole conversation.

Regions come in 0..1 and leave in pixels, as `outlines` counts them. Labels and words are a model's: nothing in them
is markup, a formula or another turn in the file that they end up in.
"""

import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as xml

from PIL import Image, ImageFont

from vlm_backends.errors import BadPrompt
from vlm_backends.media import drawing, geometry, images
from vlm_backends.media.geometry import number, path
from vlm_backends.text import clean, short_label
from vlm_backends.types import Answer, Picture, Point, Region, Turn

_FORMULA = re.compile(
    r"[\t\r\n]|\s*[=+\-@＝＋－＠]"
)  # spreadsheets of East Asia take the wide ones too
_NUMBER = re.compile(r"[+-]?([0-9][0-9.,]*|\.[0-9]+)(e[+-]?[0-9]+)?%?", re.IGNORECASE)
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_FILL = 0.38  # how much a mask covers
_MOST = 7_000_000  # bytes of a picture in an SVG: many readers of XML stop at an attribute of 10 million characters
_COLUMNS = "label", "left", "top", "right", "bottom", "outline"


def as_png(picture: Picture, regions: Sequence[Region], plain: bool = False) -> Picture:
    """A PNG, as large as the picture, of its regions and labels: over the picture, or when `plain` over white."""
    ground = (
        Image.new("RGB", (picture.width, picture.height), "white")
        if plain
        else images.pixels(picture)
    )
    return images.export(drawing.draw(ground, geometry.cleaned(regions)), "image/png")


def as_svg(picture: Picture, regions: Sequence[Region], plain: bool = False) -> str:
    """An SVG whose user units are the picture's pixels: a polygon with its title and its label for each region.

    It holds the picture itself, or when `plain` a white ground, and refers to nothing outside. Regions without a
    single finite coordinate are left out.
    """
    wide, high, unit = picture.width, picture.height, max(picture.width, picture.height) / 1000
    space = {"xmlns": "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink"}
    root = _element("svg", viewBox=f"0 0 {wide} {high}", width=wide, height=high, **space)
    shapes = _element(
        "g", stroke_width=max(2, 2.5 * unit), stroke_linejoin="round", fill_rule="evenodd"
    )
    names, size = _element("g", font_family="DejaVu Sans, Verdana, sans-serif"), max(11, 20 * unit)
    root.extend((_ground(picture, plain), shapes, names))
    safe = geometry.cleaned(regions)
    shades = drawing.colours([region.label for region in safe])
    for region in safe:
        if points := geometry.points(region, picture):
            shapes.append(_polygon(region, points, shades[region.label]))
            if label := short_label(region.label):
                names.extend(
                    _plate(label, shades[region.label], geometry.bounds(points), wide, size)
                )
    return xml.tostring(root, encoding="unicode")


def as_coco(entries: Iterable[tuple[str, Picture, Sequence[Region]]]) -> dict:
    """COCO's annotations of pictures, each given as the name of its file, itself and its regions.

    Ids count from 1, those of categories in the order in which their labels come up; a region without a label is a
    "region". Boxes are [left, top, width, height] and areas those of the outlines, in pixels. Regions with fewer than
    three points or no area are left out.
    """
    pictures, categories, annotations = [], {}, []
    for name, picture, regions in entries:
        pictures.append(
            dict(id=len(pictures) + 1, file_name=name, width=picture.width, height=picture.height)
        )
        for region in geometry.cleaned(regions):
            points = geometry.points(region, picture)
            if area := geometry.area(points):
                category = categories.setdefault(
                    region.label.strip() or "region", len(categories) + 1
                )
                left, top, right, bottom = geometry.bounds(points)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(pictures),
                        "category_id": category,
                        "bbox": [left, top, round(right - left, 3), round(bottom - top, 3)],
                        "area": area,
                        "iscrowd": 0,
                        "segmentation": [[value for point in points for value in point]],
                    }
                )
    kinds = [
        {"id": number, "name": name, "supercategory": ""} for name, number in categories.items()
    ]
    about = {"description": "Regions as vision-language models answered them"}
    return {
        "info": about,
        "licenses": [],
        "images": pictures,
        "categories": kinds,
        "annotations": annotations,
    }


def as_csv(answer: Answer, picture: Picture | None) -> str:
    """The answer's table as RFC 4180 has it, else a line for each region: its label, its bounds and its outline.

    A cell that a spreadsheet would compute gets an apostrophe; numbers stay numbers. A region without a single finite
    coordinate keeps its label alone. The picture is needed for regions only.
    """
    rows = answer.rows or [
        _COLUMNS,
        *(_row(region, picture) for region in geometry.cleaned(answer.regions)),
    ]
    file = io.StringIO()
    csv.writer(file).writerows([_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def as_mask(picture: Picture, regions: Sequence[Region]) -> Picture:
    """A PNG of grey levels, as large as the picture: 255 where a pixel's centre is inside any region, else 0."""
    wide = picture.width
    levels = bytearray(wide * picture.height)
    for region in geometry.cleaned(regions):
        for row, start, end in geometry.spans(geometry.points(region, picture)):
            levels[row * wide + start : row * wide + end] = b"\xff" * (end - start)
    return images.export(Image.frombytes("L", (wide, picture.height), levels), "image/png")


def as_text(answer: Answer) -> str:
    """The answer's words and the end of a line; nothing when there are none."""
    words = clean(answer.text).rstrip()
    return f"{words}\n" if words else ""


def as_conversation(title: str, turns: Sequence[Turn]) -> bytes:
    """A zip of the turns: conversation.md for people, conversation.json for programs, and pictures/, each once.

    The JSON holds `title` and `turns`, each with `role`, `text` and `pictures`, the names of files in the zip. The
    same turns give the same bytes.
    """
    files: dict[bytes, str] = {}
    for picture in (picture for turn in turns for picture in turn.pictures):
        files.setdefault(picture.data, f"pictures/{_name(picture, len(files) + 1)}")
    heading = _PUNCTUATION.sub(r"\\\1", " ".join(clean(title).split()))
    told = [
        dict(role=turn.role, text=turn.text, pictures=[files[p.data] for p in turn.pictures])
        for turn in turns
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        _add(
            bundle,
            "conversation.md",
            "\n\n".join([f"# {heading}", *map(_chapter, told)]).encode() + b"\n",
        )
        _add(bundle, "conversation.json", _json({"title": title, "turns": told}))
        for data, name in files.items():
            _add(bundle, name, data)
    return buffer.getvalue()


class Format(NamedTuple):
    """A kind of file that an answer can be kept as."""

    extension: str  # without a dot
    mime: str
    write: Callable[
        [Picture | None, Answer], bytes
    ]  # raises BadPrompt when the answer has nothing for it


def _element(tag: str, **attributes: str | float) -> xml.Element:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return xml.Element(
        tag,
        {name: value if isinstance(value, str) else number(value) for name, value in named.items()},
    )


def _ground(picture: Picture, plain: bool) -> xml.Element:
    size = {"width": picture.width, "height": picture.height}
    if plain:
        return _element("rect", fill="white", **size)
    held = picture if len(picture.data) <= _MOST else images.as_jpeg(picture, _MOST)
    url = f"data:{held.mime};base64,{base64.b64encode(held.data).decode()}"
    return _element("image", preserveAspectRatio="none", **size, **{"xlink:href": url})


def _polygon(region: Region, points: Sequence[Point], shade: drawing.Colour) -> xml.Element:
    paint, fill = "rgb({},{},{})".format(*shade), _FILL if region.is_mask else 0
    shape = _element("polygon", points=path(points), stroke=paint, fill=paint, fill_opacity=fill)
    xml.SubElement(shape, "title").text = region.label
    return shape


def _plate(
    label: str, colour: drawing.Colour, bounds: Sequence[float], wide: int, size: float
) -> list[xml.Element]:
    """The label on a plate of its colour: above its region, or at the top within it, inside the picture."""
    room, tall = _font().getlength(label) / 100 * size + size / 2, size * 1.4
    x, y = max(0, min(bounds[0], wide - room)), max(0, bounds[1] - tall)
    plate = _element(
        "rect", x=x, y=y, width=room, height=tall, rx=size / 4, fill="rgb({},{},{})".format(*colour)
    )
    text = _element(
        "text", x=x + size / 4, y=y + size * 1.05, font_size=size, fill=drawing.ink(colour)
    )
    text.text = label
    return [plate, text]


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(__file__).parent / "fonts" / "DejaVuSans.ttf", 100)


def _row(region: Region, picture: Picture) -> list[str]:
    points = geometry.points(region, picture)
    bounds = geometry.bounds(points) if points else ()
    return [region.label, *(map(number, bounds) if bounds else [""] * 4), path(points)]


def _cell(text: str) -> str:
    text = clean(text)
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text.strip(" ")) else text


def _chapter(turn: Mapping) -> str:
    """A turn as Markdown: its text in a fence that is longer than any within it."""
    text = clean(turn["text"])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    pictures = [f"![{name}]({name})" for name in turn["pictures"]]
    return "\n\n".join(
        [f"## {turn['role'].capitalize()}", *pictures, f"{fence}text\n{text}\n{fence}"]
    )


def _add(bundle: zipfile.ZipFile, name: str, data: bytes) -> None:
    """One file, the same bytes on every day and machine."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    entry.compress_type = (
        zipfile.ZIP_STORED if name.startswith("pictures/") else zipfile.ZIP_DEFLATED
    )
    bundle.writestr(entry, data)


def _name(picture: Picture, stem: object = "picture") -> str:
    return f"{stem}.jpg" if picture.mime == "image/jpeg" else f"{stem}.png"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _seen(picture: Picture | None, answer: Answer) -> tuple[Picture, Sequence[Region]]:
    if not picture:
        raise BadPrompt("There is no picture to draw on. Ask about a picture first.")
    return picture, answer.regions


def _placed(picture: Picture | None, answer: Answer) -> tuple[Picture, Sequence[Region]]:
    if not answer.regions:
        raise BadPrompt(
            "This answer marks no place in the picture. Ask where things are, or keep its words as Text."
        )
    return _seen(picture, answer)


def _coco(picture: Picture, regions: Sequence[Region]) -> bytes:
    return _json(as_coco([(_name(picture), picture, regions)]))


def _csv(picture: Picture | None, answer: Answer) -> bytes:
    table = as_csv(answer, None) if answer.rows else as_csv(answer, _placed(picture, answer)[0])
    return table.encode("utf-8-sig")  # without the mark, Excel takes UTF-8 for something else


def _text(picture: Picture | None, answer: Answer) -> bytes:
    if words := as_text(answer):
        return words.encode()
    raise BadPrompt("This answer has no words. Ask again, or keep its places as CSV.")


FORMATS: Mapping[str, Format] = {
    "PNG": Format("png", "image/png", lambda picture, answer: as_png(*_seen(picture, answer)).data),
    "SVG": Format(
        "svg", "image/svg+xml", lambda picture, answer: as_svg(*_seen(picture, answer)).encode()
    ),
    "COCO": Format(
        "json", "application/json", lambda picture, answer: _coco(*_placed(picture, answer))
    ),
    "CSV": Format("csv", "text/csv", _csv),
    "Text": Format("txt", "text/plain", _text),
    "Mask": Format(
        "png", "image/png", lambda picture, answer: as_mask(*_placed(picture, answer)).data
    ),
}
