"""Read pictures, encode them for a request's budget, and export them.

Every upload becomes one upright PNG or JPEG, and fits its budget when it is sent.
"""

import io
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageChops, ImageStat

from vlm_backends.media.decoding import open_page, open_picture, orientation, read_bytes
from vlm_backends.media.files import deep, pages
from vlm_backends.media.flattening import flatten, ground_name
from vlm_backends.types import Picture

BUDGET = 180_000  # base64 characters, exclusive: the inline limit of NVIDIA's published requests
_UNCHANGED = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
_PLAIN_MODES = ("RGB", "L", "1", "P")
_MAX_PROFILE = 20_000  # bytes: a camera's colour profile has 3,000 at most
_AREA = 1152 * 864  # px: photographs score best near it under the budget
_CLOSE_TO_AREA = 0.91, 2.2  # times the area: a scale that the JPEG decoder offers is close enough
_GRAPHIC_AREA = 2.2  # times the area: for screenshots and charts, pixels matter more than quality
_MAX_PALETTE = 16_000_000  # px: finding 128 colours takes eight more bytes for each
_MAX_SEEN = 2048  # px a side: no model of the catalogue looks closer
_MAX_ERROR = 18.0  # grey levels of 255, root mean square: where small print starts to break

# How a JPEG is fitted. Its bytes are about (quantiser scale) ** -slope; the finer, the steeper.
_PROBE_QUALITY, _POOR_QUALITY, _FAIR_QUALITY, _BEST_QUALITY = 55, 30, 40, 95
_PROGRESSIVE = 0.96  # the size of a progressive JPEG, of that of a plain one
_SLOPE_ABOVE, _SLOPE_BELOW, _SLOPE_SHRUNK = 0.62, 0.7, 0.8
_CLOSE_TO_BUDGET = 0.94  # times the budget: a result this large is good enough
_AIM, _NEXT_AIM = 0.985, 0.94  # times the budget: of the first try, and of those that correct it

Source = bytes | str | Path | Picture | Image.Image


def read(source: Source, page: int = 1) -> Picture:
    """Read a file, bytes or an image as an upright PNG or JPEG; a plain one is kept as it is.

    `page` is the page of a PDF or TIFF, the frame of an animation, or the picture of a HEIC, from
    1; the picture's own `page` says how many there are. Transparency is put on a ground that
    contrasts with what can be seen, more than 8 bits become 8. Raises BadPrompt for what is not a
    whole picture, costs too much to decode (see `media.decoding`), or has no such page.
    """
    if isinstance(source, (Picture, Image.Image)):
        pages.chosen(pages.whole_number(page), 1, "picture")
        if isinstance(source, Picture):
            return source
        return replace(_save(flatten(source), "PNG"), ground=ground_name(source))
    name = "" if isinstance(source, bytes) else Path(source).name
    return replace(_read(read_bytes(source), page), name=name)


def _read(data: bytes, number: int) -> Picture:
    with open_page(data, number) as (image, page):
        mime = _UNCHANGED.get(image.format or "")
        if mime and page.number == 1 and _is_plain(image, data):
            width, height = image.size
            _scale_while_decoding(image, 8)  # finds a broken file at an eighth of the cost
            image.load()
            return Picture(data, mime, width, height, page=page)
        profile = _colour_profile(image)
        upright = flatten(image)
        if _is_lossy(image):
            picture = _save(upright, "JPEG", quality=95, icc_profile=profile)
        else:
            picture = _save(upright, "PNG", icc_profile=profile)
        return replace(picture, page=page, ground=ground_name(image))


def pixels(picture: Picture) -> Image.Image:
    """Decode the picture: RGB, full size, upright."""
    with open_picture(picture.data) as image:
        return flatten(image)


def encode(image: Source, budget: int = BUDGET) -> Picture:
    """Return the best picture whose base64 has fewer than `budget` characters.

    A plain upright PNG or JPEG that fits stays as it is. Photographs become a JPEG of about
    1280 x 960 pixels, screenshots and charts a palette PNG of full size or a larger JPEG. Takes at
    most three encodes as a rule.
    """
    source = image if isinstance(image, Picture) else read(image)
    most = (budget - 1) // 4 * 3  # bytes
    if len(source.data) <= most:
        return source
    area = _AREA * budget / BUDGET
    with open_picture(source.data) as file:
        if source.mime == "image/jpeg":
            return _fit(_scaled_jpeg(file, area), most)
        whole = flatten(file)
    if not _is_graphic(whole):
        return _fit(_shrunk(whole, area), most)
    may_fit = len(source.data) <= 3 * most and whole.width * whole.height <= _MAX_PALETTE
    palette = _palette_png(whole) if may_fit else None
    if palette and len(palette.data) <= most:
        return palette
    return _fit(_shrunk(whole, area * _GRAPHIC_AREA), most)


def as_jpeg(picture: Picture, most: int = 5_000_000) -> Picture:
    """Return the picture as a JPEG of at most `most` bytes; a JPEG that fits stays as it is."""
    if picture.mime == "image/jpeg" and len(picture.data) <= most:
        return picture
    return _fit(pixels(picture), most)


def loses_detail(picture: Picture, fitted: Picture) -> bool:
    """Return True when the fitted picture lost what a model could have seen, such as small print.

    Compares both in grey, at the size that a model looks at. Photographs pass, dense small print
    does not.
    """
    if fitted is picture or fitted.data == picture.data:
        return False
    seen = _thumbnail(picture, _MAX_SEEN).convert("L")
    kept = pixels(fitted).convert("L").resize(seen.size, Image.Resampling.BICUBIC)
    error = ImageStat.Stat(ImageChops.difference(seen, kept)).rms[0]
    return error > _MAX_ERROR


def export(image: Image.Image, mime: str) -> Picture:
    """Encode a full-size copy to keep: a JPEG of quality 92 for "image/jpeg", otherwise a PNG."""
    if mime == "image/jpeg":
        return _save(image, "JPEG", quality=92)
    return _save(image, "PNG", compress_level=1)  # the next level takes twice as long


def _is_plain(image: Image.Image, data: bytes) -> bool:
    """Return True when every service and browser reads the file alike.

    That excludes rotation, transparency, CMYK, 16 bits and animation.
    """
    return (
        image.mode in _PLAIN_MODES
        and not deep.is_deep_png(data)
        and not image.has_transparency_data
        and orientation(image) == 1
        and (image.format == "MPO" or getattr(image, "n_frames", 1) == 1)
    )


def _is_lossy(image: Image.Image) -> bool:
    if image.format in ("WEBP", "AVIF", "HEIF"):
        return image.mode == "RGB"
    if image.format is None:  # a page of a PDF: print is kept sharp, a scan as a photograph
        return not _is_graphic(image)
    return image.format in ("JPEG", "MPO")


def _colour_profile(image: Image.Image) -> bytes | None:
    """Return the colour profile, when the pixels keep their colours and it has a usual length."""
    profile = image.info.get("icc_profile")
    keeps_colours = image.mode in ("RGB", "RGBA")
    return profile if profile and keeps_colours and len(profile) <= _MAX_PROFILE else None


def _scaled_jpeg(image: Image.Image, area: float) -> Image.Image:
    """Decode an open JPEG at about `area` pixels; its decoder scales as far as it can."""
    low, high = _CLOSE_TO_AREA
    whole = image.width * image.height
    scale = max((k for k in (1, 2, 4, 8) if whole / k**2 >= low * area), default=1)
    _scale_while_decoding(image, scale)
    decoded = image.convert("RGB") if image.mode != "RGB" else image
    decoded.load()  # while the file is open
    if whole / scale**2 <= high * area:
        return decoded
    return _shrunk(decoded, area, Image.Resampling.HAMMING)


def _scale_while_decoding(image: Image.Image, scale: int) -> None:
    """Tell the decoder of a JPEG to divide width and height by 1, 2, 4 or 8."""
    image.draft("RGB", (max(1, image.width // scale), max(1, image.height // scale)))


def _thumbnail(picture: Picture, side: int) -> Image.Image:
    """Decode the picture, RGB, at no more than `side` pixels a side."""
    scale = min(1.0, side / max(picture.width, picture.height))
    area = picture.width * picture.height * scale**2
    with open_picture(picture.data) as image:
        is_jpeg = picture.mime == "image/jpeg"
        decoded = _scaled_jpeg(image, area) if is_jpeg else flatten(image)
    return _shrunk(decoded, area)


def _shrunk(
    image: Image.Image, area: float, filter: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    """Scale the image down to no more than `area` pixels."""
    scale = math.sqrt(area / (image.width * image.height))
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, filter)


def _is_graphic(image: Image.Image) -> bool:
    """Return True for a screenshot, chart or drawing: a sample has few distinct colours."""
    return image.resize((96, 96), Image.Resampling.NEAREST).getcolors(1800) is not None


def _palette_png(image: Image.Image) -> Picture:
    colours = image.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return _save(colours, "PNG", optimize=True)


class _Measurement(NamedTuple):
    """The bytes of a JPEG at a quantiser scale."""

    scale: float
    size: float


class _Guess(NamedTuple):
    """A first guess at an encoding: the quantiser scale, and what is known of its power law."""

    image: Image.Image
    scale: float
    slope: float
    known: _Measurement | None


def _fit(image: Image.Image, most: int) -> Picture:
    """Return the JPEG of at most `most` bytes with the best quality.

    A cheap probe and a power law name the first quality; each encode corrects the next one.
    """
    image, scale, slope, known = _first_guess(image, most)
    best: Picture | None = None
    for attempt in range(3):
        quality = _quality_of(scale)
        found = _save(image, "JPEG", quality=quality, progressive=True, optimize=True)
        size = len(found.data)
        if size <= most and (best is None or size > len(best.data)):
            best = found
        close = (_CLOSE_TO_BUDGET - 0.18 * attempt) * most  # later attempts may be less close
        if best and (quality == _BEST_QUALITY or len(best.data) >= close):
            return best
        measured = _Measurement(_scale_of(quality), size)
        slope = _slope_between(known, measured, default=slope)
        scale, known = _scale_for(_NEXT_AIM * most, measured, slope), measured
        if best and _quality_of(scale) == quality:
            return best
    return best or _fit(_shrunk(image, image.width * image.height * 0.4), most)


def _first_guess(image: Image.Image, most: int) -> _Guess:
    """Probe the image; shrink it when its quality would be poor at this size."""
    probe_size = len(_save(image, "JPEG", quality=_PROBE_QUALITY).data) * _PROGRESSIVE
    probe = _Measurement(_scale_of(_PROBE_QUALITY), probe_size)
    slope = _SLOPE_ABOVE if probe.size > most else _SLOPE_BELOW
    scale = _scale_for(_AIM * most, probe, slope)
    if scale <= _scale_of(_POOR_QUALITY):
        return _Guess(image, scale, slope, probe)
    fair = _scale_of(_FAIR_QUALITY)
    size_at_fair = probe.size * (fair / probe.scale) ** -slope
    smaller = _shrunk(image, image.width * image.height * 0.9 * most / size_at_fair)
    return _Guess(smaller, fair, _SLOPE_SHRUNK, None)


def _scale_for(size: float, known: _Measurement, slope: float) -> float:
    """Return the quantiser scale at which the power law expects `size` bytes."""
    return known.scale * (known.size / size) ** (1 / slope)


def _slope_between(known: _Measurement | None, new: _Measurement, default: float) -> float:
    """Return the power law's slope through two measurements, within what is plausible."""
    if known is None or known.scale == new.scale or known.size == new.size:
        return default
    slope = math.log(new.size / known.size) / math.log(known.scale / new.scale)
    return min(1.5, max(0.3, slope))


def _scale_of(quality: int) -> float:
    """Return libjpeg's quantiser scale, in percent, for a quality of 1..100."""
    return 5000 / quality if quality < 50 else 200 - 2 * quality + 0.5


def _quality_of(scale: float) -> int:
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    return int(max(2, min(_BEST_QUALITY, quality)))


def _save(image: Image.Image, format: str, **options: Any) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return Picture(buffer.getvalue(), f"image/{format.lower()}", *image.size)
