"""Pictures: every mode and orientation comes out upright and plain; every size fits; what is broken is a sentence."""

import base64
import io
import random
import struct

import pytest
from PIL import Image, ImageDraw

from tests.support.file_bytes import grey_tiff, png
from vlm_backends import BadPrompt, Region, draw, encode, read
from vlm_backends.media import images
from vlm_backends.media.decoding import FORMATS

SIZE = 96, 64


def scene(size=SIZE, mode="RGB") -> Image.Image:
    """Four corners of four colours, so that a turn or a flip shows."""
    image = Image.new("RGB", size, "white")
    pen, (w, h) = ImageDraw.Draw(image), size
    pen.rectangle((0, 0, w // 2, h // 2), fill=(220, 30, 30))
    pen.rectangle((w // 2, h // 2, w, h), fill=(30, 30, 220))
    return image.convert(mode)


def photograph(width: int, height: int, noise: int = 20) -> Image.Image:
    """Soft shapes under noise: nothing that packs well."""
    random.seed(width * height)
    small = Image.frombytes(
        "RGB", (16, 12), bytes(random.randrange(256) for _ in range(16 * 12 * 3))
    )
    image = small.resize((width, height), Image.BICUBIC)
    return Image.blend(image, Image.effect_noise((width, height), 90).convert("RGB"), noise / 100)


def saved(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def is_scene(picture) -> bool:
    pixels = images.pixels(picture)
    red, white = (
        pixels.getpixel((pixels.width // 6, pixels.height // 6)),
        pixels.getpixel((pixels.width * 5 // 6, 4)),
    )
    return red[0] > 150 and red[2] < 110 and min(white) > 200


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_format_becomes_png_or_jpeg(format):
    if format not in FORMATS:
        pytest.fail(f"Pillow was built without {format}")
    picture = read(saved(scene(), format))
    assert picture.mime in ("image/png", "image/jpeg") and (picture.width, picture.height) == SIZE
    assert is_scene(picture)


@pytest.mark.parametrize("format, mode", [("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("PNG", "RGBA"), ("PNG", "LA"),
                                          ("JPEG", "CMYK"), ("JPEG", "L"), ("TIFF", "CMYK"), ("GIF", "P")])  # fmt: skip
def test_every_mode_becomes_rgb(format, mode):
    picture = read(saved(scene(mode=mode), format))
    assert images.pixels(picture).mode == "RGB"
    assert (mode in ("L", "1", "LA")) or is_scene(picture)
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.mode in ("RGB", "L", "1", "P") and not image.has_transparency_data


def test_transparency_turns_white_and_16_bits_become_8():
    clear = Image.new("RGBA", SIZE, (255, 0, 0, 0))
    assert images.pixels(read(saved(clear, "PNG"))).getpixel((5, 5)) == (255, 255, 255)
    deep = Image.new("I;16", SIZE)
    deep.putdata([65535 * (x >= 48) for _ in range(64) for x in range(96)])
    pixels = images.pixels(read(saved(deep, "PNG")))
    assert pixels.getpixel((2, 2)) == (0, 0, 0) and pixels.getpixel((90, 2)) == (255, 255, 255)


SHADES = {"grey": (1,), "colour": (1, 0.5, 0.25), "colour and alpha": (1, 0.5, 0.25)}


@pytest.mark.parametrize(
    "format, options", [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
)
@pytest.mark.parametrize("kind", SHADES)
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_few_bits_in_16_keep_their_own_range(bits, kind, format, options):
    """White stays white, and black black, however many bits a scanner or a camera has."""
    most = 2**bits - 1
    levels = [[round(most * share * part) for part in SHADES[kind]] for share in (1, 0.4, 0)]
    levels = [level + [most] * (kind == "colour and alpha") for level in levels]
    picture = images.pixels(read(deep(levels, format, options)))
    for column, share in enumerate((1, 0.4, 0)):
        wanted = [255 * share * part for part in SHADES[kind]] * (3 // len(SHADES[kind]))
        got = picture.getpixel((10 + 20 * column, 5))
        assert all(abs(a - b) <= 2 for a, b in zip(got, wanted, strict=True)), (got, wanted)


@pytest.mark.parametrize("colour, channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("levels", [(65535, 0), (40000, 300), (256, 255), (65535, 65535)])
def test_every_picture_of_16_bits_is_kept_and_sent_with_8(colour, channels, levels):
    """Grey or colour, with or without alpha; some services take no PNG of 16 bits."""
    values = [level if at < 3 else 65535 for level in levels for at in range(channels)]
    rows = (b"\0" + struct.pack(f">{2 * channels}H", *values)) * 2
    picture = read(png(2, 2, depth=16, colour=colour, rows=rows))
    assert picture.mime == "image/png" and picture.data[24] <= 8
    assert images.encode(picture).data[24] <= 8
    if colour == 2 and max(levels) == 65535:
        with Image.open(io.BytesIO(picture.data)) as image:
            seen = [image.getpixel((column, 0)) for column in range(2)]
        assert seen == [(level >> 8,) * 3 for level in levels]


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_a_plain_png_of_8_bits_or_fewer_is_kept_byte_for_byte(mode):
    data = saved(scene().convert(mode), "PNG")
    assert read(data).data == data


def deep(levels, format, options) -> bytes:
    """Return a file of 16 bits a channel: bars of 20 x 10 pixels, each of one level."""
    cv2 = pytest.importorskip("cv2")
    import numpy as np

    pixels = np.repeat(np.array([levels] * 10, "uint16"), 20, axis=1)
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.shape[2] > 1 else [0]
    pack = [cv2.IMWRITE_TIFF_COMPRESSION, 5 if options else 1] if format == "TIFF" else []
    return cv2.imencode(f".{format.lower()}", pixels[..., order], pack)[1].tobytes()


def test_a_dark_picture_of_8_bits_written_as_16_stays_dark():
    level = [10 * 257, 4 * 257, 257]
    assert images.pixels(read(deep([level, level], "PNG", {}))).getpixel((5, 5)) == (10, 4, 1)


def test_a_negative_of_16_bits_is_not_inverted():
    """In such a TIFF, as scanners of film write it, zero is white."""
    bars = [level for _ in range(10) for level in (0, 65535) for _ in range(20)]
    data = struct.pack("<400H", *bars)
    pixels = images.pixels(read(grey_tiff(40, 10, (262, 3, 1, 0), bits=16, data=data)))
    assert pixels.getpixel((5, 5)) == (255, 255, 255) and pixels.getpixel((30, 5)) == (0, 0, 0)


GROUND_OF = {  # by what is printed on nothing: the grey level of a ground from which all of it stands out
    ("white",): 24, ("#e8e8d0",): 24, ("yellow",): 24, ("cyan",): 24, ("black",): 255, ("red",): 255, ("#808080",): 255,
    ("white", "black"): 128, ("white", "#2255cc"): 24, ("white", "white", "navy", "black"): 128, ((255, 255, 255, 90),): 24,
}  # fmt: skip


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("inks", GROUND_OF, ids=str)
def test_print_on_nothing_stands_out_from_its_ground(inks, format):
    image = Image.new("RGBA", (460, 70 * len(inks)))
    pen = ImageDraw.Draw(image)
    for row, ink in enumerate(inks):
        pen.text((20, 70 * row + 8), f"Gate {row}7 closes", fill=ink, font_size=44)
    picture = read(saved(image, format, **({"lossless": True} if format == "WEBP" else {})))
    assert images.pixels(picture).getpixel((455, 2)) == (GROUND_OF[inks],) * 3
    named = {255: "white", 24: "near black", 128: "grey"}[GROUND_OF[inks]]
    assert picture.note == f"Its transparent parts are {named} here."


def test_a_picture_without_transparent_parts_has_no_note():
    """Nor has one that could have some, or that has only the soft corners of a window."""
    solid = Image.new("RGBA", (300, 200), "teal")
    soft = solid.copy()
    ImageDraw.Draw(soft).rectangle((0, 0, 5, 5), fill=(0, 128, 128, 60))
    for image, format in ((solid, "PNG"), (soft, "PNG"), (solid.convert("RGB"), "JPEG")):
        assert read(saved(image, format)).note == "", format
    half = solid.copy()
    half.putalpha(120)
    assert (
        read(half).note == read(saved(half, "PNG")).note == "Its transparent parts are white here."
    )


def test_white_inside_of_a_picture_does_not_change_the_ground():
    """A cut-out photograph with a white shirt is put on white, as everywhere."""
    image = Image.new("RGBA", (300, 300))
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 280, 280), fill=(90, 60, 50))
    pen.ellipse((40, 40, 260, 260), fill="white")
    assert images.pixels(read(saved(image, "PNG"))).getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_orientation_is_applied_once(orientation, format):
    turns = {
        1: [],
        2: [0],
        3: [3],
        4: [1],
        5: [5],
        6: [2],
        7: [6],
        8: [4],
    }  # the transposition that undoes each
    stored = scene()
    for turn in turns[orientation]:
        stored = stored.transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, format, exif=exif, **({"quality": 95} if format == "JPEG" else {}))
    picture = read(data)
    assert (picture.width, picture.height) == SIZE and is_scene(picture)
    assert (picture.data == data) == (orientation == 1)
    assert is_scene(read(picture.data)), "a second reading turns it again"
    assert is_scene(encode(data))


def test_a_plain_picture_that_fits_goes_unchanged():
    for format in ("PNG", "JPEG"):
        data = saved(scene(), format)
        assert encode(data).data == data


def test_animations_give_their_first_frame():
    frames = [scene(), Image.new("RGB", SIZE, "black")]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        data = saved(frames[0], format, save_all=True, append_images=frames[1:])
        assert is_scene(read(data)), format


@pytest.mark.parametrize(
    "image, format",
    [
        (photograph(4000, 3000), "JPEG"),
        (photograph(900, 700), "PNG"),
        (photograph(3000, 60, 60), "PNG"),
        (photograph(60, 3000, 60), "JPEG"),
        (Image.effect_noise((1500, 1500), 120), "PNG"),
        (scene((3000, 2000)), "PNG"),
        (scene((1, 1)), "PNG"),
        (scene((30_000, 1)), "PNG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "x".join(map(str, value.size)),
)
def test_shrink_law(image, format, monkeypatch):
    """Whatever the picture, its base64 is under the budget, after a few encodes, and places stay where they were."""
    data = saved(image, format)
    picture = read(data)
    count = []
    monkeypatch.setattr(
        images, "_save", lambda *a, _save=images._save, **k: count.append(1) or _save(*a, **k)
    )
    for budget in (180_000, 20_000):
        count.clear()
        fitted = encode(picture, budget)
        assert len(base64.b64encode(fitted.data)) < budget
        assert (
            abs(fitted.width / fitted.height / (image.width / image.height) - 1) < 0.05
            or min(image.size) < 100
        )
        assert len(count) <= 3 or budget < 180_000, f"{len(count)} encodes"
        assert (
            fitted.data == data
            or len(fitted.data) > 0.75 * budget * 0.75
            or fitted.width == image.width
        )


def test_a_region_lands_on_the_same_spot_of_the_fitted_picture():
    picture = read(saved(photograph(3000, 2000), "JPEG"))
    box = Region("", ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)), is_mask=True)
    whole, fitted = images.pixels(picture), images.pixels(encode(picture))
    for image in (whole, fitted):
        marked = draw(image, [box])
        for x, y, inside in (
            (0.5, 0.5, True),
            (0.3, 0.7, True),
            (0.2, 0.5, False),
            (0.5, 0.8, False),
        ):
            at = int(x * image.width), int(y * image.height)
            assert (marked.getpixel(at) != image.getpixel(at)) == inside


@pytest.mark.slow
def test_dense_print_is_known_to_lose_and_a_photograph_is_not():
    page = Image.new("RGB", (2400, 3200), "white")
    pen = ImageDraw.Draw(page)
    for y in range(40, 3160, 26):
        pen.text(
            (40, y), f"{y} sphinx of black quartz judge my vow " * 9, fill="black", font_size=22
        )
    page = read(saved(page, "PNG"))
    photo = read(saved(photograph(3000, 2000, 5), "JPEG", quality=92))
    assert images.loses_detail(page, encode(page)) and not images.loses_detail(photo, encode(photo))
    assert not images.loses_detail(photo, photo)


BROKEN = {
    "empty": b"", "text": b"hello", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "html": b"<html></html>",
    "png head": b"\x89PNG\r\n\x1a\n", "gif head": b"GIF89a", "zeros": bytes(5000), "pdf": b"%PDF-1.7\n%%EOF",
    "jpeg cut": saved(photograph(400, 300), "JPEG")[:5000], "png cut": saved(photograph(400, 300), "PNG")[:5000],
    "webp cut": saved(photograph(400, 300), "WEBP")[:2000], "bmp cut": saved(scene(), "BMP")[:500],
    "bomb": saved(Image.new("1", (20_000, 20_000)), "PNG"), "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_picture_is_a_sentence(name):
    for use in (read, encode):
        with pytest.raises(BadPrompt, match=r"^[A-Z].*\.$"):
            use(BROKEN[name])


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(BadPrompt, match="no longer there"):
        read(tmp_path / "gone.png")
