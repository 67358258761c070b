"""Pictures in and out of bytes: any upload becomes one upright PNG or JPEG, and fits its budget when sent."""

import io
import math
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from vlm_backends.media.decoding import contents, flatten, opened, orientation
from vlm_backends.types import Picture

BUDGET = 180_000  # base64 characters, exclusive: the inline limit of NVIDIA's published requests
_AS_IS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
_PLAIN_MODES = ("RGB", "L", "1", "P")
_AREA = 1152 * 864  # px: photographs score best near it under the budget
_SNAP = (
    0.91,
    2.2,
)  # of the area: a decoder's own 1/2, 1/4 or 1/8 scale is taken as it is when it lands here
_GRAPHIC = 2.2  # of the area: for screenshots and charts, pixels beat quality
_MOST_PALETTE = 16_000_000  # px: finding 128 colours takes eight more bytes for each
_PROBE, _POOR, _FAIR = 55, 30, 40  # JPEG qualities
_SEEN = 2048  # px: no model of the catalogue looks closer
_MOST_ERROR = 18.0  # grey levels of 255, root mean square: where small print starts to break
_SLOPE, _STEEP, _STEEPEST = (
    0.62,
    0.7,
    0.8,
)  # a JPEG's bytes fall as (quantiser scale) ** -slope: the finer, the faster
_MOST_PROFILE = 20_000  # bytes: a camera's is 3,000 at most
_FULL = 0.94  # a result this close to the budget is good enough

Source = bytes | str | Path | Picture | Image.Image


def read(source: Source) -> Picture:
    """The upright picture as PNG or JPEG; bytes that are that already stay as they are.

    GIFs give their first frame, transparency turns white, 16 bits become 8. Raises BadPrompt for whatever
    is not a whole picture, or larger than `uploads` allows.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Image.Image):
        return _save(flatten(source), "PNG")
    data = contents(source)
    with opened(data) as image:
        if _is_plain(image):
            width, height = image.size
            _drafted(image, 8)  # a broken file is found at an eighth of the cost
            image.load()
            return Picture(data, _AS_IS[image.format], width, height)
        lossy = (
            image.format in ("JPEG", "MPO")
            or image.format in ("WEBP", "AVIF")
            and image.mode == "RGB"
        )
        profile = _profile(image)
        if lossy:
            return _save(flatten(image), "JPEG", quality=95, icc_profile=profile)
        return _save(flatten(image), "PNG", icc_profile=profile)


def pixels(picture: Picture) -> Image.Image:
    """The picture's pixels, RGB, full size, upright."""
    with opened(picture.data) as image:
        return flatten(image)


def encode(image: Source, budget: int = BUDGET) -> Picture:
    """The best picture whose base64 is shorter than `budget` characters.

    A plain upright PNG or JPEG that fits goes unchanged. Photographs become a JPEG of about 1280 x 960,
    screenshots and charts a palette PNG at full size or a larger JPEG. Takes 3 encodes or fewer as a rule.
    """
    source = image if isinstance(image, Picture) else read(image)
    most = (budget - 1) // 4 * 3  # bytes
    if len(source.data) <= most:
        return source
    area = _AREA * budget / BUDGET
    with opened(source.data) as file:
        if source.mime == "image/jpeg":
            return _fit(_scaled_jpeg(file, area), most)
        whole = flatten(file)
    if not _is_graphic(whole):
        return _fit(_shrunk(whole, area), most)
    if len(source.data) <= 3 * most and whole.width * whole.height <= _MOST_PALETTE:
        palette = _save(
            whole.quantize(128, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE),
            "PNG",
            optimize=True,
        )
        if len(palette.data) <= most:
            return palette
    return _fit(_shrunk(whole, area * _GRAPHIC), most)


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
    seen = _thumbnail(picture, _SEEN).convert("L")
    kept = pixels(fitted).convert("L").resize(seen.size, Image.BICUBIC)
    error = ImageStat.Stat(ImageChops.difference(seen, kept)).rms[0]
    return error > _MOST_ERROR


def export(image: Image.Image, mime: str) -> Picture:
    """A full-size copy for keeping: a fine JPEG for what came as one, else a PNG."""
    if mime == "image/jpeg":
        return _save(image, "JPEG", quality=92)
    return _save(image, "PNG", compress_level=1)  # the next level takes twice as long


def _is_plain(image: Image.Image) -> bool:
    """True for what every service and browser reads alike: no rotation, no alpha, no CMYK, no 16 bits."""
    return (
        image.format in _AS_IS
        and image.mode in _PLAIN_MODES
        and not image.has_transparency_data
        and orientation(image) == 1
        and (image.format == "MPO" or getattr(image, "n_frames", 1) == 1)
    )


def _profile(image: Image.Image) -> bytes | None:
    """The colours' profile, where the pixels keep their colours and it is of a usual length."""
    profile = image.info.get("icc_profile")
    return (
        profile
        if profile and image.mode in ("RGB", "RGBA") and len(profile) <= _MOST_PROFILE
        else None
    )


def _scaled_jpeg(image: Image.Image, area: float) -> Image.Image:
    """The JPEG at about `area` pixels, scaled by its decoder as far as that goes."""
    whole = image.width * image.height
    scale = max((k for k in (1, 2, 4, 8) if whole / k**2 >= _SNAP[0] * area), default=1)
    _drafted(image, scale)
    decoded = image.convert("RGB") if image.mode != "RGB" else image
    decoded.load()  # while the file is open
    return decoded if whole / scale**2 <= _SNAP[1] * area else _shrunk(decoded, area, Image.HAMMING)


def _drafted(image: Image.Image, scale: int) -> None:
    """Tells the decoder of a JPEG to scale down by this."""
    image.draft("RGB", (max(1, image.width // scale), max(1, image.height // scale)))


def _thumbnail(picture: Picture, side: int) -> Image.Image:
    """RGB pixels of at most `side` a side."""
    scale = min(1.0, side / max(picture.width, picture.height))
    area = picture.width * picture.height * scale**2
    with opened(picture.data) as image:
        pixels = _scaled_jpeg(image, area) if picture.mime == "image/jpeg" else flatten(image)
    return _shrunk(pixels, area)


def _shrunk(
    image: Image.Image, area: float, filter: Image.Resampling = Image.LANCZOS
) -> Image.Image:
    """The image at no more than `area` pixels."""
    scale = math.sqrt(area / (image.width * image.height))
    if scale >= 1:
        return image
    return image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), filter
    )


def _is_graphic(image: Image.Image) -> bool:
    """True for screenshots, charts and other drawings: few distinct colours in a sample."""
    return image.resize((96, 96), Image.NEAREST).getcolors(1800) is not None


def _fit(image: Image.Image, most: int) -> Picture:
    """The JPEG of at most `most` bytes with the best quality: a cheap probe, then what the power law names."""
    scale = _scale(_PROBE)
    size = (
        len(_save(image, "JPEG", quality=_PROBE).data) * 0.96
    )  # progressive coding saves the rest
    slope = _SLOPE if size > most else _STEEP
    wanted, best = scale * (size / (0.985 * most)) ** (1 / slope), None
    if wanted > _scale(_POOR):  # too much detail for this size: fewer pixels, better ones
        size *= (_scale(_FAIR) / scale) ** -slope
        image, wanted, size = (
            _shrunk(image, image.width * image.height * 0.9 * most / size),
            _scale(_FAIR),
            None,
        )
        slope = _STEEPEST
    for tried in range(3):
        quality = _quality(wanted)
        found = _save(image, "JPEG", quality=quality, progressive=True, optimize=True)
        if len(found.data) <= most and (best is None or len(found.data) > len(best.data)):
            best = found
        if best and (quality == 95 or len(best.data) >= (_FULL - 0.18 * tried) * most):
            break
        if size and _scale(quality) != scale and len(found.data) != size:
            slope = min(
                1.5, max(0.3, math.log(len(found.data) / size) / math.log(scale / _scale(quality)))
            )
        scale, size = _scale(quality), len(found.data)
        wanted = scale * (size / (0.94 * most)) ** (1 / slope)
        if best and _quality(wanted) == quality:
            break
    return best or _fit(_shrunk(image, image.width * image.height * 0.4), most)


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
