"""Measures drawing on a photograph of 12 MP: 50 boxes, 20 masks of 200 points and 100 quads."""

import io
import math
import random
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import cv2
import numpy as np
import orjson
from PIL import Image, ImageDraw, ImageFont

from benchmarks import _pictures
from benchmarks._measure import cpu_time, goals_table, installed, markdown_table, medians, ratio
from benchmarks._memory import peak
from vlm_backends import Answer, Region, colours, draw
from vlm_backends.media import images

OURS, BY_REGION, SUPERVISION = "**ours**", "OpenCV, by region", "supervision"
ANY_SCRIPT = "OpenCV, by region, its labels by Pillow"
_SCREEN = 2000  # px: what a screen shows
_COVER, _LETTER, _LINE = 0.4, 40, 6  # of a mask; pixels
_FONT = str(_pictures.ROOT / "vlm_backends" / "media" / "fonts" / "DejaVuSans.ttf")
Way = Callable[[Image.Image, list[Region]], object]


def regions() -> list[Region]:
    """Return the same boxes, masks and quads each time."""
    dice, found = random.Random(3), []
    for i in range(50):
        wide, high = dice.uniform(0.05, 0.3), dice.uniform(0.05, 0.3)
        x, y = dice.uniform(0, 1 - wide), dice.uniform(0, 1 - high)
        found.append(Region(f"object {i} 0.{dice.randint(10, 99)}", _box(x, y, wide, high)))
    for i in range(20):
        x, y, radius = dice.uniform(0.15, 0.85), dice.uniform(0.15, 0.85), dice.uniform(0.04, 0.15)
        found.append(Region(f"mask {i}", tuple(_blob(x, y, radius, dice)), is_mask=True))
    for i in range(100):
        x, y, lean = dice.uniform(0, 0.85), dice.uniform(0.01, 0.95), dice.uniform(-0.01, 0.01)
        wide, high = dice.uniform(0.03, 0.12), dice.uniform(0.008, 0.02)
        found.append(
            Region(
                f"text{i}",
                ((x, y), (x + wide, y + lean), (x + wide, y + lean + high), (x, y + high)),
            )
        )
    return found


def _box(x: float, y: float, wide: float, high: float) -> tuple:
    return (x, y), (x + wide, y), (x + wide, y + high), (x, y + high)


def _blob(x: float, y: float, radius: float, dice: random.Random) -> Iterator[tuple[float, float]]:
    for k in range(200):
        turn = 2 * math.pi * k / 200
        reach = radius * (1 + 0.25 * math.sin(5 * turn) + 0.1 * dice.random())
        yield x + reach * math.cos(turn), y + reach * math.sin(turn)


def _points(image: Image.Image, region: Region) -> list[tuple[float, float]]:
    return [(x * image.width, y * image.height) for x, y in region.outline]


def by_region(image: Image.Image, found: list[Region], any_script: bool = False) -> Image.Image:
    """Draw with OpenCV, blending only the rectangle around each mask."""
    canvas, shades = np.array(image), colours([region.label for region in found])
    for region in found:
        shade, outline = shades[region.label], np.int32(_points(image, region))
        if region.is_mask:
            x, y, wide, high = cv2.boundingRect(outline)
            x, y = max(0, x), max(0, y)
            part = canvas[y : y + high, x : x + wide]
            filled = cv2.fillPoly(part.copy(), [outline - [x, y]], shade)
            cv2.addWeighted(filled, _COVER, part, 1 - _COVER, 0, dst=part)
        cv2.polylines(canvas, [outline], True, shade, _LINE)
        if not any_script:
            _write(canvas, region.label, int(outline[0][0]), int(outline[0][1]), shade)
    drawn = Image.fromarray(canvas)
    if any_script:
        _label(drawn, found, shades)
    return drawn


def _write(
    canvas: np.ndarray, label: str, left: int, top: int, shade: tuple[int, int, int]
) -> None:
    """Write a label in OpenCV's own font, which has ASCII only."""
    (wide, high), low = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 1.4, 2)
    cv2.rectangle(canvas, (left, top - high - low), (left + wide, top), shade, -1)
    pen = cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255, 255, 255), 2, cv2.LINE_AA
    cv2.putText(canvas, label, (left, top - low // 2), *pen)


def _label(
    canvas: Image.Image, found: list[Region], shades: dict[str, tuple[int, int, int]]
) -> None:
    """Write all labels in a font, with Pillow."""
    pen, font = ImageDraw.Draw(canvas), ImageFont.truetype(_FONT, _LETTER)
    for region in found:
        corner = _points(canvas, region)[0]
        pen.rectangle(
            pen.textbbox(corner, region.label, font=font, anchor="lb"), fill=shades[region.label]
        )
        pen.text(corner, region.label, font=font, fill="white", anchor="lb")


def naive(image: Image.Image, found: list[Region]) -> Image.Image:
    """Draw with Pillow, with an overlay of the whole picture for each mask."""
    canvas, shades = image.convert("RGBA"), colours([region.label for region in found])
    for region in (region for region in found if region.is_mask):
        overlay = Image.new("RGBA", canvas.size)
        ImageDraw.Draw(overlay).polygon(
            _points(image, region), fill=(*shades[region.label], round(255 * _COVER))
        )
        canvas = Image.alpha_composite(canvas, overlay)
    canvas = canvas.convert("RGB")
    pen = ImageDraw.Draw(canvas)
    for region in found:
        outline = _points(image, region)
        pen.line([*outline, outline[0]], fill=shades[region.label], width=_LINE)
    _label(canvas, found, shades)
    return canvas


def with_supervision(image: Image.Image, found: list[Region]) -> Image.Image:
    """Draw with supervision's annotators of boxes, masks, oriented boxes and labels."""
    import supervision as sv

    canvas, size = np.array(image)[:, :, ::-1].copy(), image.size
    boxes, masks, quads = found[:50], found[50:70], found[70:]
    corners = {
        id(part): np.array([_points(image, region) for region in part]) for part in (boxes, quads)
    }
    upright = {
        key: np.concatenate([values.min(1), values.max(1)], axis=1)
        for key, values in corners.items()
    }
    covers = np.array(
        [sv.polygon_to_mask(np.int32(_points(image, region)), size) for region in masks], bool
    )
    around = sv.mask_to_xyxy(covers)
    for part, detections, annotators in (
        (
            masks,
            sv.Detections(around, covers, class_id=np.arange(20)),
            [sv.MaskAnnotator(opacity=_COVER)],
        ),
        (
            boxes,
            sv.Detections(upright[id(boxes)], class_id=np.arange(50)),
            [sv.BoxAnnotator(thickness=_LINE)],
        ),
        (
            quads,
            sv.Detections(
                upright[id(quads)], class_id=np.arange(100), data={"xyxyxyxy": corners[id(quads)]}
            ),
            [sv.OrientedBoxAnnotator(thickness=_LINE)],
        ),
    ):
        for annotator in annotators:
            canvas = annotator.annotate(canvas, detections)
        labels = [region.label for region in part]
        canvas = sv.LabelAnnotator(text_scale=1.4, text_thickness=2).annotate(
            canvas, detections, labels=labels
        )
    return Image.fromarray(canvas[:, :, ::-1])


def annotated_image(image: Image.Image, found: list[Region]) -> object:
    """Draw with Gradio's own component, as a page would use it."""
    value = (
        image,
        [
            (
                tuple(round(v) for v in (*_points(image, region)[0], *_points(image, region)[2])),
                region.label,
            )
            for region in found
            if not region.is_mask
        ][:5],
    )
    return _component().postprocess(value)


@lru_cache
def _component() -> object:
    import gradio as gr

    return gr.AnnotatedImage()


def for_the_screen(data: bytes, found: list[Region]) -> bytes:
    """Turn a file into a JPEG with its regions at a screen's size."""
    image = Image.open(io.BytesIO(data))
    scale = _SCREEN / max(image.size)
    image.draft("RGB", (int(image.width * scale), int(image.height * scale)))
    image.thumbnail((_SCREEN, _SCREEN))
    return images.export(draw(image, found), "image/jpeg").data


def _memory(way: Way, data: bytes) -> Callable[[], object]:
    image, found = _photo(data), regions()
    way(image.resize((200, 150)), found)  # what is loaded once is not counted
    return partial(way, image, found)


def _photo(data: bytes) -> Image.Image:
    cv2.setNumThreads(1)
    return Image.open(io.BytesIO(data)).convert("RGB")


def tables(rounds: int) -> Iterator[str]:
    """Yield the times and memory of all ways, and the goals."""
    data = _pictures.photograph("sign.jpg", 12)
    image, found = _photo(data), regions()
    ways: dict[str, Way] = {
        OURS: draw,
        BY_REGION: by_region,
        ANY_SCRIPT: partial(by_region, any_script=True),
        "Pillow, an overlay a mask": naive,
        "copying the picture (floor)": lambda image, _: image.copy(),
    }
    if installed("supervision"):
        ways[SUPERVISION] = with_supervision
    times = medians(
        {name: partial(cpu_time, partial(way, image, found)) for name, way in ways.items()}, rounds
    )
    memory = {
        name: peak(_memory, ways[name], data)
        for name in (OURS, BY_REGION, SUPERVISION)
        if name in ways
    }
    # imported here: the processes that measure memory do without Gradio
    from ui.components.viewer import scene
    from ui.core.storage import store_picture

    picture, answer = store_picture(data), Answer("", tuple(found))
    extra = {
        "file to JPEG at 2000 px, ours": lambda: for_the_screen(data, found),
        "scene for the page's SVG, as JSON, ours": lambda: orjson.dumps(scene(picture, answer)),
    }
    times |= medians({name: partial(cpu_time, work) for name, work in extra.items()}, rounds)
    times["`gr.AnnotatedImage`, 5 of the boxes, once"] = cpu_time(
        lambda: annotated_image(image, found)
    )
    yield markdown_table(
        ("way", "CPU ms", "memory, MiB"),
        [
            [name, f"{times[name] * 1e3:.1f}", f"{memory[name]:.0f}" if memory.get(name) else ""]
            for name in times
        ],
    )
    yield goals_table(
        [
            ("time of supervision", ratio(times, OURS, SUPERVISION), 0.15),
            ("time of OpenCV by region", ratio(times, OURS, BY_REGION), 0.9),
            (
                "time of OpenCV by region with labels of any script",
                ratio(times, OURS, ANY_SCRIPT),
                0.9,
            ),
            (
                "memory of supervision",
                ratio(memory, OURS, SUPERVISION) if memory.get(OURS) else None,
                0.2,
            ),
            (
                "ms from a file to the screen's JPEG",
                times["file to JPEG at 2000 px, ours"] * 1e3,
                100,
            ),
            (
                "ms of the server for the SVG",
                times["scene for the page's SVG, as JSON, ours"] * 1e3,
                5,
            ),
        ],
        "",
    )
