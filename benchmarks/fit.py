"""Measures fitting a picture under 180,000 characters of base64: time, memory, encodes, quality.

The peers are ways of public code, written down here. SSIM compares brightness at 1120 and at 2048
pixels, the sizes that models see. Legibility is measured with the built-in text reader, before and
after.
"""

import io
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from functools import lru_cache, partial
from unittest.mock import patch

import cv2
import numpy as np
from PIL import Image

from benchmarks import _pictures
from benchmarks._measure import cpu_time, goals_table, markdown_table, medians, ratio
from benchmarks._memory import peak
from vlm_backends import Picture, encode, read

Fit = Callable[[bytes], bytes]
_MOST = (180_000 - 1) // 4 * 3  # bytes
_SEEN = 1120, 2048
OURS, UPLOAD = "**ours**", "ours, with the upload's own check"
PEER, FLOOR = "LANCZOS 1024, binary search", "floor: 1/8 decode, one encode"


def ours(data: bytes) -> bytes:
    """Fit an uploaded picture with this project's code; return the bytes that are sent."""
    return encode(_uploaded(data)).data


@lru_cache(maxsize=1)
def _uploaded(data: bytes) -> Picture:
    return read(data)


def with_upload(data: bytes) -> bytes:
    """Do the same with the check that each upload gets once: decoding all of it."""
    return encode(data).data


def binary_search(data: bytes) -> bytes:
    """Fit as the best public code does: LANCZOS to 1024, and a binary search of the quality."""
    image = _opened(data).convert("RGB")
    image.thumbnail((1024, 1024), Image.LANCZOS)
    low, high, best = 10, 95, b""
    while low <= high:
        middle = (low + high) // 2
        found = _jpeg(image, middle, optimize=True)
        best, low, high = (
            (found, middle + 1, high) if len(found) <= _MOST else (best, low, middle - 1)
        )
    return best


def quality_loop(data: bytes) -> bytes:
    """Try quality 95 and 5 less each time, then nine tenths of the size."""
    image, quality = _opened(data).convert("RGB"), 95
    while len(found := _jpeg(image, quality)) > _MOST:
        if quality > 20:
            quality -= 5
        else:
            image = image.resize((int(image.width * 0.9), int(image.height * 0.9)), Image.LANCZOS)
    return found


def fastchat(data: bytes) -> bytes:
    """Fit as FastChat does: 1024 pixels, PNG, and one step down by the square root."""
    image = _opened(data).convert("RGBA")
    scale = min(1.0, 1024 / max(image.size))
    image = image.resize((int(image.width * scale), int(image.height * scale)))
    found = _saved(image, "PNG")
    if len(found) > _MOST:
        scale = (_MOST / len(found)) ** 0.5
        found = _saved(image.resize((int(image.width * scale), int(image.height * scale))), "PNG")
    return found


def floor(data: bytes) -> bytes:
    """Do the least possible work, without fitting: decode at an eighth, encode once."""
    image = _opened(data)
    image.draft("RGB", (image.width // 8, image.height // 8))
    return _jpeg(image.convert("RGB").resize((1280, 960), Image.NEAREST), 50)


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def _jpeg(image: Image.Image, quality: int, **options: object) -> bytes:
    return _saved(image, "JPEG", quality=quality, **options)


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _encodes(fit: Fit, data: bytes) -> int:
    """Count how many pictures are encoded on the way."""
    with patch.object(Image.Image, "save", autospec=True, side_effect=Image.Image.save) as save:
        fit(data)
    return save.call_count


def _ssim(data: bytes, fitted: bytes) -> tuple[float, ...]:
    """Return how similar the fitted picture is to the original, at each size that a model sees."""
    whole, sent = _opened(data).convert("L"), _opened(fitted).convert("L")
    return tuple(
        _similarity(*(_at(image, whole.size, side) for image in (whole, sent))) for side in _SEEN
    )


def _at(image: Image.Image, whole: tuple[int, int], side: int) -> np.ndarray:
    scale = min(1.0, side / max(whole))
    size = round(whole[0] * scale), round(whole[1] * scale)
    return np.asarray(image.resize(size, Image.LANCZOS), np.float32)


def _similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Return the structural similarity, with windows of 11 pixels."""
    blur = partial(cv2.GaussianBlur, ksize=(11, 11), sigmaX=1.5)
    a, b, little, less = blur(one), blur(other), (0.01 * 255) ** 2, (0.03 * 255) ** 2
    spread = blur(one * one) - a * a, blur(other * other) - b * b, blur(one * other) - a * b
    top = (2 * a * b + little) * (2 * spread[2] + less)
    return float((top / ((a * a + b * b + little) * (spread[0] + spread[1] + less))).mean())


def _still_read(data: bytes, fitted: bytes) -> float:
    """Return the share of the characters that are still read from the fitted picture, in order."""
    before, after = _read(data), _read(fitted)
    return sum(
        block.size for block in SequenceMatcher(None, before, after, False).get_matching_blocks()
    ) / len(before)


def _read(data: bytes) -> str:
    from vlm_backends.engines.builtin.ocr import read_lines

    return "\n".join(line.text for line in read_lines(np.asarray(_opened(data).convert("RGB"))))


def _memory(fit: Fit, data: bytes) -> Callable[[], object]:
    Image.init()
    fit(_pictures.photograph("coffee.jpg", 0.5))  # what is loaded once is not counted
    return partial(fit, data)


def tables(rounds: int) -> Iterator[str]:
    """Yield the tables and goals of photographs and of print."""
    yield from _photographs(rounds)
    yield from _print(rounds)


def _photographs(rounds: int) -> Iterator[str]:
    rows, met = [], []
    for megapixels in (1, 12, 24, 48):
        data = _pictures.photograph("sign.jpg", megapixels)
        sides = {OURS: ours, UPLOAD: with_upload, PEER: binary_search, FLOOR: floor}
        if megapixels == 1:  # beyond, they take seconds
            sides |= {"quality loop": quality_loop, "FastChat's way": fastchat}
        times = medians(
            {name: partial(cpu_time, partial(fit, data)) for name, fit in sides.items()}, rounds
        )
        memory = (
            {name: peak(_memory, sides[name], data) for name in (OURS, PEER)}
            if megapixels > 1
            else {}
        )
        likes = {name: _ssim(data, sides[name](data)) for name in (OURS, PEER)}
        for name, fit in sides.items():
            rows.append(
                [
                    f"{megapixels} MP, {name}",
                    f"{times[name] * 1e3:.0f}",
                    f"{times[name] / times[PEER]:.2f}",
                    _encodes(fit, data),
                    _mib(memory.get(name)),
                    _seen(likes.get(name)),
                ]
            )
        if megapixels > 1:
            limit = 0.42 if megapixels == 12 else 0.38
            met += [
                (f"{megapixels} MP, time of the best peer", ratio(times, OURS, PEER), limit),
                (f"{megapixels} MP, its memory", memory[PEER] and memory[OURS] / memory[PEER], 0.3),
            ]
        worse = max(peer - mine for mine, peer in zip(likes[OURS], likes[PEER]))
        met.append((f"{megapixels} MP, encodes", _encodes(ours, data), 3))
        met.append((f"{megapixels} MP, SSIM lost to it", worse, 0.001))
    yield markdown_table(
        (
            "photograph, way",
            "CPU ms",
            "× best peer",
            "encodes",
            "memory, MiB",
            "SSIM at 1120, 2048 px",
        ),
        rows,
    )
    yield goals_table(met, "")


def _print(rounds: int) -> Iterator[str]:
    rows, met = [], []
    prints = {
        "code, 3840 px": _pictures.code(),
        "chart, 2400 px": _pictures.chart(),
        "A4 scan": _pictures.document(),
    }
    for what, data in prints.items():
        sides = {OURS: ours, PEER: binary_search}
        times = medians(
            {name: partial(cpu_time, partial(fit, data)) for name, fit in sides.items()}, rounds
        )
        likes = {name: _ssim(data, fit(data)) for name, fit in sides.items()}
        kept = (
            None if "chart" in what else _still_read(data, ours(data))
        )  # a reading takes half a minute
        for name, fit in sides.items():
            read = f"{kept:.1%}" if kept and name == OURS else ""
            rows.append(
                [
                    f"{what}, {name}",
                    f"{times[name] * 1e3:.0f}",
                    f"{times[name] / times[PEER]:.2f}",
                    _encodes(fit, data),
                    _seen(likes[name]),
                    read,
                ]
            )
        if what != "A4 scan":
            met.append(
                (
                    f"{what}, SSIM of the peer less ours, 2048 px",
                    likes[PEER][1] - likes[OURS][1],
                    -0.02,
                )
            )
        if kept:
            met.append((f"{what}, characters no longer read", 1 - kept, 0.02))
    yield markdown_table(
        ("print, way", "CPU ms", "× best peer", "encodes", "SSIM at 1120, 2048 px", "still read"),
        rows,
    )
    yield goals_table(met, "")


def _mib(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _seen(values: tuple[float, ...] | None) -> str:
    return " ".join(f"{value:.4f}" for value in values or ())
