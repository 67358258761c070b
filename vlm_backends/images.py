"""Pictures in and out of bytes: any upload becomes one upright PNG or JPEG, and fits its budget when sent."""

import io
import math
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageChops, ImageOps, ImageStat, features

from vlm_backends.errors import BadPrompt
from vlm_backends.types import Picture

BUDGET = 180_000  # base64 characters, exclusive: the inline limit of NVIDIA's published requests
MOST_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF") + (("AVIF",) if features.check("avif") else ())

_AS_IS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
_PLAIN_MODES = ("RGB", "L", "1", "P")
_SIDE = 1280  # px: photographs score best near it under the budget (see benchmarks)
_SNAP = 1100, 1700  # px: a decoder's own 1/2, 1/4 or 1/8 scale is taken as it is when it lands here
_GRAPHICS_SIDE = 1536  # px: for screenshots and charts, pixels beat quality
_SEEN = 2048  # px: no model of the catalogue looks closer
_MOST_ERROR = 18.0  # grey levels of 255, root mean square: where small print starts to break
_SLOPE = 0.62  # a JPEG's bytes fall as (quantiser scale) ** -0.62
_FULL = 0.93  # a result this close to the budget is good enough

Source = bytes | str | Path | Picture | Image.Image


def read(source: Source) -> Picture:
    """The upright picture as PNG or JPEG; bytes that are that already stay as they are.

    GIFs give their first frame, transparency turns white, 16 bits become 8. Raises BadPrompt for whatever
    is not a whole picture of at most 100 megapixels.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        return _save(flatten(source), "PNG")
    data = _bytes(source)
    with _opened(data) as image:
        if _is_plain(image):
            width, height = image.size
            _decode(image, (width // 8, height // 8))  # a cut file is found at an eighth of the cost
            return Picture(data, _AS_IS[image.format], width, height)
        lossy = image.format in ("JPEG", "MPO") or image.format in ("WEBP", "AVIF") and image.mode == "RGB"
        return _save(_decode(image), "JPEG", quality=95) if lossy else _save(_decode(image), "PNG")


def pixels(picture: Picture) -> Image.Image:
    """The picture's pixels, RGB, full size, upright."""
    with _opened(picture.data) as image:
        return _decode(image)


def encode(image: Source, budget: int = BUDGET) -> Picture:
    """The best picture whose base64 is shorter than `budget` characters.

    A plain upright PNG or JPEG that fits goes unchanged. Photographs become a JPEG near 1280 px, screenshots
    and charts a palette PNG at full size or a larger JPEG. Takes 3 encodes or fewer as a rule.
    """
    source = image if isinstance(image, Picture) else read(image)
    most = (budget - 1) // 4 * 3  # bytes
    if len(source.data) <= most:
        return source
    grow = math.sqrt(budget / BUDGET)
    with _opened(source.data) as opened:
        if source.mime == "image/jpeg":
            return _fit(_scaled_jpeg(opened, _SIDE * grow), most)
        whole = _decode(opened)
    if not _is_graphic(whole):
        return _fit(_shrunk(whole, _SIDE * grow), most)
    if len(source.data) <= 3 * most:
        palette = _save(whole.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE), "PNG", optimize=True)
        if len(palette.data) <= most:
            return palette
    return _fit(_shrunk(whole, _GRAPHICS_SIDE * grow), most)


def as_jpeg(picture: Picture, most: int = 5_000_000) -> Picture:
    """The picture as a JPEG of at most `most` bytes; a JPEG that fits stays as it is."""
    if picture.mime == "image/jpeg" and len(picture.data) <= most:
        return picture
    return _fit(pixels(picture), most)


def loses(picture: Picture, fitted: Picture) -> bool:
    """True when the fitted picture lost what a model could have seen, such as the letters of a large document.

    Both are compared in grey at the size that a model looks at; photographs pass, dense small print does not.
    """
    if fitted is picture or fitted.data == picture.data:
        return False
    seen = thumbnail(picture, _SEEN).convert("L")
    kept = pixels(fitted).convert("L").resize(seen.size, Image.BICUBIC)
    error = ImageStat.Stat(ImageChops.difference(seen, kept)).rms[0]
    return error > _MOST_ERROR


def display(image: Image.Image, side: int = 2000) -> Picture:
    """A copy for the screen: a JPEG of at most `side` pixels a side."""
    return _save(_shrunk(image, side), "JPEG", quality=85)


def export(image: Image.Image, mime: str) -> Picture:
    """A full-size copy for keeping: a fine JPEG for what came as one, else a PNG."""
    if mime == "image/jpeg":
        return _save(image, "JPEG", quality=92)
    return _save(image, "PNG", compress_level=3)


def thumbnail(picture: Picture, side: int = 1600) -> Image.Image:
    """RGB pixels of at most `side` a side, decoded at the cheapest scale that serves."""
    with _opened(picture.data) as image:
        return _shrunk(_scaled_jpeg(image, side) if picture.mime == "image/jpeg" else _decode(image), side)


def flatten(image: Image.Image) -> Image.Image:
    """The image upright, 8 bits, RGB, transparency on white; the given image is untouched."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I;16", "I", "F")):
        low, high = image.getextrema() if image.mode == "F" else (0, 65535)
        scale = 255 / ((high - low) or 1)
        image = image.convert("F").point(lambda value: (value - low) * scale).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _bytes(source: bytes | str | Path) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError:
        raise BadPrompt("The picture is no longer there: upload it again.") from None


def _opened(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large() from None
    except Exception:  # Pillow's decoders raise whatever a broken file makes them stumble over
        kinds = "JPEG, PNG, WebP, GIF, BMP, TIFF" + (" or AVIF" if "AVIF" in FORMATS else "")
        raise BadPrompt(f"This file is not a picture that can be read here. Use {kinds}.") from None
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise _too_large()
    return image


def _too_large() -> BadPrompt:
    return BadPrompt(f"This picture is too large: at most {MOST_PIXELS // 10**6} megapixels. Make it smaller first.")


def _decode(image: Image.Image, draft: tuple[int, int] | None = None) -> Image.Image:
    try:
        if draft:
            image.draft("RGB", draft)
        return flatten(image)
    except Exception:  # as in _opened
        raise BadPrompt("This picture is broken or cut off: save it anew and upload it again.") from None


def _is_plain(image: Image.Image) -> bool:
    """True for what every service and browser reads alike: no rotation, no alpha, no CMYK, no 16 bits."""
    return (
        image.format in _AS_IS
        and image.mode in _PLAIN_MODES
        and not image.has_transparency_data
        and image.getexif().get(0x0112, 1) == 1
        and (image.format == "MPO" or getattr(image, "n_frames", 1) == 1)
    )


def _scaled_jpeg(image: Image.Image, side: float) -> Image.Image:
    """The JPEG at about `side` pixels, scaled by its decoder as far as that goes."""
    longest = max(image.size)
    if longest > side:
        scale = max((k for k in (1, 2, 4, 8) if longest / k >= _SNAP[0] * side / _SIDE), default=1)
        decoded = _decode(image, (image.width // scale, image.height // scale))
        return decoded if max(decoded.size) <= _SNAP[1] * side / _SIDE else _shrunk(decoded, side)
    return _decode(image)


def _shrunk(image: Image.Image, side: float) -> Image.Image:
    scale = side / max(image.size)
    if scale >= 1:
        return image
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.LANCZOS)


def _is_graphic(image: Image.Image) -> bool:
    """True for screenshots, charts and other drawings: few distinct colours in a sample."""
    return image.resize((96, 96), Image.NEAREST).getcolors(1800) is not None


def _fit(image: Image.Image, most: int) -> Picture:
    """The JPEG of at most `most` bytes with the best quality; fewer pixels when quality alone will not do."""
    while True:
        best = None
        for candidate in _qualities(image, most):
            if len(candidate.data) <= most and (best is None or len(candidate.data) > len(best.data)):
                best = candidate
        if best:
            return best
        image = _shrunk(image, max(image.size) * 0.6)


def _qualities(image: Image.Image, most: int) -> Iterator[Picture]:
    """JPEGs on the way to `most` bytes: a cheap probe, then the quality that the power law names, then a correction."""
    probe = _save(image, "JPEG", quality=55)
    scale, size = _scale(55), len(probe.data) * 0.962  # what progressive coding saves
    for _ in range(2):
        quality = _quality(scale * (size / (0.985 * most)) ** (1 / _SLOPE))
        found = _save(image, "JPEG", quality=quality, progressive=True, optimize=True)
        yield found
        if quality in (2, 95) or _FULL * most <= len(found.data) <= most:
            return
        scale, size = _scale(quality), len(found.data)
    if size > most:
        yield _save(image, "JPEG", quality=max(2, quality // 2), progressive=True, optimize=True)


def _scale(quality: int) -> float:
    """libjpeg's quantiser scale in percent for a quality of 1..100."""
    return 5000 / quality if quality < 50 else 200 - 2 * quality + 0.5


def _quality(scale: float) -> int:
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    return int(max(2, min(95, quality)))


def _save(image: Image.Image, format: str, **options: object) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return Picture(buffer.getvalue(), f"image/{format.lower()}", *image.size)
