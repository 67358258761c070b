"""Builds untrusted pictures: `cases()` names each, makes its bytes, and says what must become of it."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageDraw, PngImagePlugin

from tests.support import file_bytes as raw
from tests.support.file_bytes import chunk, saved, segment, with_chunks, with_segments

SIZE = 96, 64
RED, WHITE, GREEN, BLUE = (220, 30, 30), (255, 255, 255), (30, 160, 60), (30, 30, 220)
NEAR_BLACK = (24, 24, 24)  # a ground that white stands out from
CORNERS = RED, WHITE, GREEN, BLUE  # from the top left, row by row
FORMATS = "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"
TURNS = {
    1: [],
    2: [0],
    3: [3],
    4: [1],
    5: [5],
    6: [2],
    7: [6],
    8: [4],
}  # the transposition that undoes each
ORIENTATION, MEGABYTE = 0x0112, 2**20
MUCH = 64 * MEGABYTE  # of zeros: they pack a thousandfold


@dataclass(frozen=True)
class Case:
    """A file, and what must become of it: `seen` (the four corners in these colours, this size), a sentence, or either."""

    name: str
    make: Callable[[], bytes]
    becomes: str = "either"  # or "seen", or "refused"
    size: tuple[int, int] = SIZE
    corners: tuple = CORNERS
    heavy: bool = False  # takes seconds to make: not in the short run
    suffix: str = ""


def scene(size=SIZE, mode: str = "RGB") -> Image.Image:
    """Draw four corners in four colours, which show a rotation, a flip and swapped channels."""
    image, (w, h) = Image.new("RGB", size, WHITE), size
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, w // 2 - 1, h // 2 - 1), fill=RED)
    pen.rectangle((0, h // 2, w // 2 - 1, h), fill=GREEN)
    pen.rectangle((w // 2, h // 2, w, h), fill=BLUE)
    return image if mode == "RGB" else image.convert(mode)


def photograph(size=(160, 120)) -> Image.Image:
    """Draw soft shapes under noise, which compress badly: a truncated file then lacks visible data."""
    dice = random.Random(7)
    small = Image.frombytes("RGB", (16, 12), dice.randbytes(16 * 12 * 3))
    noise = Image.frombytes("RGB", size, dice.randbytes(size[0] * size[1] * 3))
    return Image.blend(small.resize(size, Image.BICUBIC), noise, 0.3)


def as_seen(mode: str) -> tuple:
    """Return the four colours as this mode keeps them."""
    return tuple(
        Image.new("RGB", (8, 8), c).convert(mode).convert("RGB").getpixel((4, 4)) for c in CORNERS
    )


def cases() -> Iterator[Case]:
    """Yield all cases; each name occurs once."""
    for family in (_cut, _bombs, _large, _many_parts, _metadata, _disguised, _foreign, _sizes, _modes, _turned, _png,
                   _jpeg, _tiff, _gif, _animated, _nothing):  # fmt: skip
        yield from family()


def _cut() -> Iterator[Case]:
    for format in FORMATS:
        data = saved(photograph(), format)
        for tenth in range(1, 10):
            yield Case(
                f"{format} cut at {tenth}/10",
                partial(data.__getitem__, slice(len(data) * tenth // 10)),
                "refused",
            )


def _bombs() -> Iterator[Case]:
    small = {format: saved(scene(), format) for format in FORMATS}
    for width, height in (
        (20_000, 20_000),
        (65_535, 65_535),
        (2**31 - 1, 1),
        (2**31 - 1, 2**31 - 1),
        (2**31, 2**31),
    ):
        size = f"{width} x {height}"
        yield Case(f"PNG header of {size}", partial(raw.png, width, height), "refused")
        yield Case(f"TIFF header of {size}", partial(raw.grey_tiff, width, height), "refused")
        yield Case(
            f"AVIF header of {size}",
            partial(raw.stretched, small["AVIF"], width, height),
            "refused",
        )
        if width < 2**16:
            yield Case(
                f"JPEG header of {size}",
                partial(raw.resized, small["JPEG"], width, height),
                "refused",
            )
            yield Case(
                f"GIF screen of {size}",
                partial(raw.gif, width, height, raw.gif_frame(8, 8)),
                "refused",
            )
            yield Case(
                f"GIF frame of {size}",
                partial(raw.gif, 8, 8, raw.gif_frame(width, height)),
                "refused",
            )
        if width < 2**31:
            yield Case(f"BMP header of {size}", partial(raw.bmp, width, height), "refused")
            yield Case(
                f"BMP header of {size}, upside down", partial(raw.bmp, width, -height), "refused"
            )
    webp = small["WEBP"]
    at = webp.index(b"VP8 ") + 14
    yield Case(
        "WEBP header of 16383 x 16383",
        lambda: webp[:at] + b"\xff\x3f\xff\x3f" + webp[at + 4 :],
        "refused",
    )
    wide = (
        b"RIFF"
        + struct.pack("<I", len(webp) + 10)
        + b"WEBPVP8X"
        + struct.pack("<I", 10)
        + bytes(4)
        + b"\xff" * 6
    )
    yield Case("WEBP canvas of 2^24 x 2^24", lambda: wide + webp[12:], "refused")
    yield Case(
        "PNG of 20000 x 20000 in one bit",
        partial(raw.png, 20_000, 20_000, depth=1, colour=0, rows=bytes(20_000 * 2501)),
        "refused",
    )
    yield Case(
        "PNG of a few bytes and 49 MP", partial(raw.png, 7000, 7000, rows=bytes(1000)), "refused"
    )
    yield Case(
        "BMP that jumps 12 GB",
        partial(raw.bmp, 49_000_000, 1, 1, data=b"\0\2\xff\xff" * 9),
        "refused",
    )
    yield Case(
        "BMP with one long line", partial(raw.bmp, 49_000_000, 1, 1, data=b"\1\1\0\0"), "refused"
    )
    yield Case(
        "BMP of a million runs", partial(raw.bmp, 8000, 6000, 1, data=b"\1\1" * 10**6), "refused"
    )
    for count in (200, 2000, 50_000):
        yield Case(
            f"JPEG of {count} scans of 49 MP", partial(raw.scans, 7000, 7000, count), "refused"
        )
    yield Case("JPEG of 300 scans of 12 MP", partial(raw.scans, 4000, 3000, 300), "refused")


def _large() -> Iterator[Case]:
    """Yield valid pictures at the size limit, which must be read within the bounds."""

    def whole(mode: str, format: str, size: tuple, **options) -> bytes:
        if mode == "I;16":
            deep = scene(size, "L").convert("I").point(lambda value: value * 257)
            return saved(deep.convert(mode), format, **options)
        return saved(scene(size, mode), format, **options)

    most, half, less = (8160, 6120), (5760, 4320), (4800, 3120)
    for name, mode, format, size, options in (
        ("JPEG", "RGB", "JPEG", most, {}), ("JPEG, progressive", "RGB", "JPEG", most, {"progressive": True}),
        ("JPEG, progressive, no subsampling", "RGB", "JPEG", most, {"progressive": True, "subsampling": 0}),
        ("JPEG, CMYK", "CMYK", "JPEG", half, {}), ("JPEG, CMYK, progressive", "CMYK", "JPEG", half, {"progressive": True}),
        ("PNG", "RGB", "PNG", half, {"compress_level": 1}), ("PNG, RGBA", "RGBA", "PNG", half, {"compress_level": 1}),
        ("PNG, palette", "P", "PNG", half, {"compress_level": 1}), ("PNG, one bit", "1", "PNG", half, {}),
        ("PNG, 16 bits", "I;16", "PNG", half, {"compress_level": 1}), ("GIF", "P", "GIF", less, {}),
        ("BMP", "L", "BMP", half, {}), ("TIFF, deflate", "RGB", "TIFF", half, {"compression": "tiff_deflate"}),
        ("TIFF, CMYK", "CMYK", "TIFF", less, {"compression": "tiff_lzw"}), ("WEBP", "RGB", "WEBP", half, {"quality": 50, "method": 0}),
        ("WEBP, RGBA", "RGBA", "WEBP", half, {"quality": 50, "method": 0}), ("AVIF", "RGB", "AVIF", half, {"speed": 10}),
    ):  # fmt: skip
        seen = as_seen(
            "L" if mode == "I;16" else "1" if mode == "1" else "RGB" if mode == "P" else mode
        )
        make = partial(whole, mode, format, size, **options)
        yield Case(f"{name}, {size[0]} x {size[1]}", make, "seen", size, seen, heavy=True)
    for format, size in (("JPEG", most), ("PNG", half)):
        yield Case(
            f"{format}, noise, {size[0]} x {size[1]}", partial(_noise, format, size), heavy=True
        )
    for turn in (6, 3):
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        size, (w, h) = (most, most[::-1]) if turn == 3 else (most[::-1], most)
        for mode, format, options in (("RGB", "JPEG", {}), ("RGBA", "PNG", {"compress_level": 1})):
            size = size if format == "JPEG" else (half if turn == 3 else half[::-1])

            def turned(mode=mode, format=format, options=options, size=size, turn=turn, exif=exif):
                image = scene(size, mode)
                for step in TURNS[turn]:
                    image = image.transpose(Image.Transpose(step))
                return saved(image, format, exif=exif, **options)

            yield Case(f"large {format} turned by {turn}", turned, "seen", size, heavy=True)


def _noise(format: str, size: tuple[int, int]) -> bytes:
    piece = photograph((1000, 1000))
    image = Image.new("RGB", size)
    for x in range(0, size[0], 1000):
        for y in range(0, size[1], 1000):
            image.paste(piece, (x, y))
    return saved(image, format, **({"quality": 85} if format == "JPEG" else {"compress_level": 1}))


def _many_parts() -> Iterator[Case]:
    """Yield files with millions of tiny parts, each of which Python code parses."""
    png, jpeg, frame = saved(scene(), "PNG"), saved(scene(), "JPEG"), raw.gif_frame(8, 8)
    yield Case(
        "PNG of a million empty chunks", lambda: with_chunks(png, chunk(b"abCd") * 10**6), "refused"
    )
    yield Case(
        "PNG of a million chunks behind its pixels",
        lambda: png[:-12] + chunk(b"abCd") * 10**6 + png[-12:],
    )
    yield Case("PNG of a million empty pieces", lambda: with_chunks(png, *[chunk(b"IDAT")] * 10**6))
    yield Case(
        "PNG of 200,000 words",
        lambda: with_chunks(png, *[chunk(b"tEXt", b"a\0b")] * 200_000),
        "refused",
    )
    yield Case(
        "JPEG of two million segments",
        lambda: with_segments(jpeg, segment(0xE0, b"") * 2 * 10**6),
        "refused",
    )
    yield Case(
        "JPEG of a million comments",
        lambda: with_segments(jpeg, segment(0xFE, b"x") * 10**6),
        "refused",
    )
    yield Case(
        "JPEG of 500,000 profiles",
        lambda: with_segments(jpeg, segment(0xE2, b"ICC_PROFILE\0\1\1") * 500_000),
        "refused",
    )
    yield Case(
        "JPEG of five million filling bytes", lambda: jpeg[:2] + b"\xff" * 5 * 10**6 + jpeg[2:]
    )
    yield Case(
        "GIF comment of five million pieces",
        lambda: raw.gif(8, 8, frame, b"!\xfe" + b"\1x" * 5 * 10**6 + b"\0"),
        "refused",
    )
    yield Case(
        "GIF comment of 25 MB",
        lambda: raw.gif(8, 8, frame, b"!\xfe" + (b"\xff" + b"x" * 255) * 98_000 + b"\0"),
        "refused",
    )
    yield Case(
        "GIF of a million extensions",
        lambda: raw.gif(8, 8, frame, b"!\xf9\4\0\0\0\0\0" * 10**6),
        "refused",
    )
    yield Case("TIFF of six million strips", lambda: raw.grey_tiff(
        1, 6_000_000, (278, 4, 1, 1), (273, 4, 6_000_000, 122), (279, 4, 6_000_000, 122), data=bytes(24_000_000)), "refused")  # fmt: skip
    yield Case("TIFF of a million strips", lambda: raw.grey_tiff(
        1, 1_000_000, (278, 4, 1, 1), (273, 4, 1_000_000, 122), (279, 4, 1_000_000, 122), data=bytes(4_000_000)), "refused")  # fmt: skip
    yield Case("TIFF of 65,535 tags", lambda: raw.tiff([(tag, 5, 1, 8) for tag in range(65_535)]))
    yield Case(
        "TIFF with three million fractions",
        lambda: raw.grey_tiff(8, 8, (282, 5, 3_000_000, 8), data=bytes(24 * MEGABYTE)),
    )
    yield Case(
        "TIFF with 12 million bits a sample",
        lambda: raw.grey_tiff(8, 8, (258, 3, 12_000_000, 8), data=bytes(24 * MEGABYTE)),
    )
    yield Case(
        "TIFF with 20 MB of name",
        lambda: raw.grey_tiff(8, 8, (270, 2, 20_000_000, 8), data=bytes(24 * MEGABYTE)),
    )


def _metadata() -> Iterator[Case]:
    png, jpeg = saved(scene(), "PNG"), saved(scene(), "JPEG", quality=95)
    noise, zeros = random.Random(3).randbytes, zlib.compress(bytes(MUCH), 1)
    exif = b"Exif\0\0II*\0\x08\0\0\0"
    loop = exif + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)
    turn = exif + struct.pack("<HHHIII", 1, ORIENTATION, 3, 1, 6, 0)
    for name, data in {
        "64 kB of Exif": exif + noise(65_000), "Exif that refers to itself": loop, "Exif of 65,535 entries": exif + b"\xff" * 65_000,
        "half an Exif": turn[:20], "an Exif without a byte": b"Exif\0\0", "Exif with an orientation of 9": turn.replace(b"\6\0\0\0\0", b"\x09\0\0\0\0"),
        "Exif with words for an orientation": exif + struct.pack("<HHHI4sI", 1, ORIENTATION, 2, 4, b"six\0", 0),
    }.items():  # fmt: skip
        yield Case(f"JPEG with {name}", partial(with_segments, jpeg, segment(0xE1, data)), "seen")
        yield Case(f"PNG with {name}", partial(with_chunks, png, chunk(b"eXIf", data[6:])), "seen")
    yield Case(
        "PNG with 10 MB of Exif",
        lambda: with_chunks(png, chunk(b"eXIf", exif[6:] + noise(10 * MEGABYTE))),
        "seen",
    )
    profile = b"ICC_PROFILE\0\1\1"
    for name, data in {"noise": noise(3000), "nothing": b"", "zeros": bytes(60_000)}.items():
        yield Case(
            f"JPEG with a profile of {name}",
            partial(with_segments, jpeg, segment(0xE2, profile + data)),
            "seen",
        )
        yield Case(
            f"PNG with a profile of {name}",
            partial(with_chunks, png, chunk(b"iCCP", b"a\0\0" + zlib.compress(data))),
            "seen",
        )
    yield Case(
        "JPEG with profile 2 of 1",
        lambda: with_segments(jpeg, segment(0xE2, profile[:-2] + b"\2\1x")),
        "seen",
    )
    yield Case(
        "JPEG with 16 MB of comments",
        lambda: with_segments(jpeg, segment(0xFE, bytes(65_000)) * 250),
        "seen",
    )
    large = saved(photograph((900, 700)), "PNG")
    for size in (600_000, 900_000):
        profiled = with_chunks(large, chunk(b"iCCP", b"a\0\0" + zlib.compress(noise(size))))
        yield Case(f"large PNG with {size // 1000} kB of profile", lambda data=profiled: data)
    for name, part in {
        "10 MB of tEXt": chunk(b"tEXt", b"a\0" + b"x" * 10 * MEGABYTE), "a zTXt bomb": chunk(b"zTXt", b"a\0\0" + zeros),
        "an iTXt bomb": chunk(b"iTXt", b"a\0\1\0\0\0" + zeros), "an iCCP bomb": chunk(b"iCCP", b"a\0\0" + zeros),
        "100 zTXt bombs": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MEGABYTE - 10))) * 100,
        "XMP that is no XML": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<<<"),
    }.items():  # fmt: skip
        yield Case(f"PNG with {name}", partial(with_chunks, png, part))


def _disguised() -> Iterator[Case]:
    data = {format: saved(scene(), format) for format in FORMATS}
    for format, suffix in zip(FORMATS, (".png", ".jpg", ".gif", ".webp", ".tif", ".svg", ".exe")):
        yield Case(
            f"{format} called {suffix}", lambda data=data[format]: data, "seen", suffix=suffix
        )
    for suffix in (".png", ".jpg"):
        yield Case(
            f"words called {suffix}",
            lambda: b"This is no picture.\n" * 90,
            "refused",
            suffix=suffix,
        )
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("page.html", "<script>alert(1)</script>")
    html, pdf = (
        b"<html><script>alert(1)</script></html>",
        b"%PDF-1.7\n1 0 obj<</JS(app.alert(1))>>endobj\n%%EOF",
    )
    yield Case("PNG and zip", lambda: data["PNG"] + bundle.getvalue(), "seen")
    yield Case("zip and PNG", lambda: bundle.getvalue() + data["PNG"], "refused")
    yield Case(
        "GIF and page",
        lambda: raw.gif(8, 8, raw.gif_frame(8, 8), b"!\xfe" + bytes((len(html),)) + html + b"\0"),
    )
    yield Case("page and GIF", lambda: html + data["GIF"], "refused")
    yield Case("JPEG and PDF", lambda: with_segments(data["JPEG"], segment(0xFE, pdf)), "seen")
    yield Case("PDF and JPEG", lambda: pdf + data["JPEG"], "refused")
    yield Case("JPEG and JPEG", lambda: data["JPEG"] * 2, "seen")
    yield Case("PNG and script", lambda: data["PNG"] + b"<?php system('id'); ?>", "seen")
    for format in FORMATS:
        yield Case(
            f"{format} with 1 MB of noise behind it",
            lambda data=data[format]: data + random.Random(5).randbytes(MEGABYTE),
        )


def _foreign() -> Iterator[Case]:
    """Yield files that Pillow or a browser could read, and this page does not."""
    for format in (
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "DDS",
        "ICNS",
        "SGI",
        "IM",
        "MSP",
        "XBM",
        "SPIDER",
        "EPS",
        "PDF",
        "JPEG2000",
        "BLP",
        "QOI",
    ):
        mode = {"MSP": "1", "XBM": "1", "SPIDER": "F", "BLP": "P"}.get(format, "RGB")
        yield Case(f"a {format} file", partial(saved, scene((64, 64), mode), format), "refused")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="http://127.0.0.1/x.png"/></svg>'
    entity = '<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'
    for name, text in {"SVG": svg, "SVG with entities": entity, "HTML": "<html></html>", "XML": "<?xml version='1.0'?><a/>",
                       "JSON": "{}", "script": "#!/bin/sh\nid\n", "address": "http://127.0.0.1/x.png", "path": "/etc/passwd",
                       "PostScript": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd)(r)file\n"}.items():  # fmt: skip
        yield Case(f"a file of {name}", text.encode, "refused")
    psd = (
        struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 64, 96, 8, 3)
        + struct.pack(">III", 0, 0, 0)
        + bytes(2 + 96 * 64 * 3)
    )
    for name, data in {"PSD": psd, "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", "JPEG XL": b"\xff\x0a" + bytes(60), "ELF": b"\x7fELF" + bytes(60),
                       "FLI": struct.pack("<IHHHHH", 128, 0xAF11, 1, 8, 8, 8) + bytes(114), "WMF": b"\xd7\xcd\xc6\x9a" + bytes(60)}.items():  # fmt: skip
        yield Case(f"a file of {name}", lambda data=data: data, "refused")


def _sizes() -> Iterator[Case]:
    for format in FORMATS:
        long = 16_000 if format == "WEBP" else 30_000
        for size in ((1, 1), (long, 1), (1, long)):
            if format != "AVIF" or size == (1, 1):
                image = Image.new("RGB", size, RED)
                yield Case(
                    f"{format} of {size[0]} x {size[1]}",
                    partial(saved, image, format),
                    "seen",
                    size,
                    (RED,) * 4,
                )
    yield Case("AVIF of 8000 x 1", partial(saved, Image.new("RGB", (8000, 1), RED), "AVIF"))
    yield Case("PNG of 0 x 0", partial(raw.png, 0, 0), "refused")
    yield Case("BMP of 0 x 0", partial(raw.bmp, 0, 0), "refused")
    yield Case("TIFF of 0 x 0", partial(raw.grey_tiff, 0, 0), "refused")
    yield Case("JPEG of 0 x 0", lambda: raw.resized(saved(scene(), "JPEG"), 0, 0), "refused")


def _modes() -> Iterator[Case]:
    for format, modes in {"PNG": ("1", "L", "P", "LA", "RGBA", "I;16"), "JPEG": ("L", "CMYK"), "GIF": ("1", "L", "P"), "BMP": ("1", "L", "P"),
                          "TIFF": ("1", "L", "P", "LA", "RGBA", "CMYK", "LAB", "I;16", "I", "F"),
                          "WEBP": ("RGBA", "L"), "AVIF": ("RGBA",)}.items():  # fmt: skip
        for mode in modes:
            image = scene(mode="L" if mode in ("I;16", "I", "F") else mode)
            if mode in ("I;16", "I"):
                image = image.convert("I").point(lambda value: value * 257).convert(mode)
            elif mode == "F":
                image = image.convert("F").point(lambda value: value / 255 + 0)
            seen = as_seen({"P": "RGB", "I;16": "L", "I": "L", "F": "L"}.get(mode, mode))
            if mode == "F":  # its darkest is black
                seen = tuple(
                    tuple((c - seen[3][0]) * 255 // (255 - seen[3][0]) for c in colour)
                    for colour in seen
                )
            options = {"lossless": True} if format == "WEBP" else {}
            yield Case(
                f"{format} in {mode}",
                partial(saved, image, format, **options),
                "seen",
                corners=seen,
            )
    for bits in (2, 4):
        yield Case(
            f"PNG palette of {bits} bits",
            partial(saved, scene().quantize(4), "PNG", bits=bits),
            "seen",
        )
    clear = scene(mode="RGBA")
    clear.putalpha(0)
    for format in ("PNG", "WEBP", "TIFF"):
        yield Case(
            f"{format}, transparent", partial(saved, clear, format), "seen", corners=(WHITE,) * 4
        )
    yield Case(
        "PNG with one transparent colour",
        partial(saved, scene(), "PNG", transparency=RED),
        "seen",
        corners=(NEAR_BLACK, *CORNERS[1:]),  # white is one of the other colours
    )
    yield Case(
        "PNG in grey with a transparent one",
        partial(saved, scene(mode="L"), "PNG", transparency=255),
        "seen",
        corners=as_seen("L"),
    )
    big = struct.pack(">6144H", *(value * 257 for value in scene(mode="L").tobytes()))
    order = struct.pack("<2sHIH", b"II", 42, 8, 9)
    swapped = raw.grey_tiff(*SIZE, bits=16, data=big)
    yield Case(
        "TIFF of 16 bits, the other way round",
        lambda: _big_endian(big),
        "seen",
        corners=as_seen("L"),
    )
    yield Case("TIFF that lies about its byte order", lambda: b"MM" + swapped[2:], "refused")
    yield Case("TIFF of 16 bits as noise", lambda: order + swapped[10:])
    for name, values in {
        "NaN": (float("nan"),),
        "infinity": (float("inf"), 0.0),
        "less than nothing": (-1e38, 1e38),
    }.items():
        data = struct.pack("<6144f", *(values[i % len(values)] for i in range(6144)))
        yield Case(
            f"TIFF of {name}", partial(raw.grey_tiff, *SIZE, (339, 3, 1, 3), bits=32, data=data)
        )


def _big_endian(data: bytes) -> bytes:
    entries = [(256, 4, SIZE[0]), (257, 4, SIZE[1]), (258, 3, 16 << 16), (259, 3, 1 << 16), (262, 3, 1 << 16), (273, 4, 122),
               (277, 3, 1 << 16), (278, 4, SIZE[1]), (279, 4, len(data))]  # fmt: skip
    packed = b"".join(struct.pack(">HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack(">2sHIH", b"MM", 42, 8, 9) + packed + bytes(4) + data


def _turned() -> Iterator[Case]:
    for turn, steps in TURNS.items():
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        for format, mode in (
            ("JPEG", "RGB"),
            ("JPEG", "CMYK"),
            ("PNG", "RGB"),
            ("PNG", "RGBA"),
            ("WEBP", "RGB"),
            ("TIFF", "RGB"),
            ("TIFF", "L"),
        ):
            image = scene()
            for step in steps:
                image = image.transpose(Image.Transpose(step))
            options = (
                {"quality": 95}
                if format == "JPEG"
                else {"lossless": True}
                if format == "WEBP"
                else {}
            )
            make = partial(saved, image.convert(mode), format, exif=exif, **options)
            yield Case(
                f"{format} in {mode}, orientation {turn}", make, "seen", corners=as_seen(mode)
            )


def _png() -> Iterator[Case]:
    data = saved(photograph(), "PNG")
    at = data.index(b"IDAT")
    broken = lambda place: data[:place] + bytes((data[place] ^ 0xFF,)) + data[place + 1 :]  # noqa: E731
    yield Case("PNG with a wrong sum of its header", lambda: broken(29), "refused")
    yield Case("PNG with a wrong sum of its pixels", lambda: broken(len(data) - 13))
    yield Case(
        "PNG with a wrong sum of words",
        lambda: with_chunks(data, chunk(b"tEXt", b"a\0b")[:-1] + b"?"),
    )
    yield Case("PNG with one wrong pixel byte", lambda: broken(at + 3000))
    yield Case("PNG with two headers", lambda: with_chunks(data, data[8:33]))
    yield Case("PNG without pixels", lambda: data[: at - 4] + chunk(b"IEND"), "refused")
    yield Case("PNG without an end", lambda: data[:-12])
    yield Case(
        "PNG with a chunk of 2 GB",
        lambda: with_chunks(data, b"\x7f\xff\xff\xffabCd" + bytes(90)),
        "refused",
    )
    yield Case(
        "PNG with a palette of nothing",
        partial(raw.png, 8, 8, chunk(b"PLTE"), colour=3, rows=bytes(72)),
    )
    yield Case("PNG without its palette", partial(raw.png, 8, 8, colour=3, rows=bytes(72)))
    yield Case(
        "PNG with a palette that is too short",
        partial(
            raw.png,
            8,
            8,
            chunk(b"PLTE", RED.__len__() * b"x"),
            colour=3,
            rows=b"\0\1\2\3\4\5\6\7\xff" * 8,
        ),
    )
    for depth, colour in ((3, 0), (16, 3), (1, 2), (8, 5), (8, 7)):
        yield Case(
            f"PNG of depth {depth} and colour type {colour}",
            partial(raw.png, 8, 8, depth=depth, colour=colour, rows=bytes(200)),
            "refused",
        )
    passes = b"".join(b"\0" + bytes(RED) * 8 for _ in range(8))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 1))
    yield Case(
        "PNG, interlaced",
        lambda: raw.PNG + header + chunk(b"IDAT", zlib.compress(_interlaced())) + chunk(b"IEND"),
        "seen",
        (8, 8),
        (RED,) * 4,
    )
    yield Case(
        "PNG, interlaced in its header alone",
        lambda: raw.PNG + header + chunk(b"IDAT", zlib.compress(passes)) + chunk(b"IEND"),
    )
    yield Case("PNG that unpacks to 64 MB", partial(raw.png, 8, 8, rows=bytes(MUCH)))
    yield Case(
        "PNG in RGB of 16 bits",
        partial(
            raw.png, 8, 8, depth=16, rows=(b"\0" + bytes(v for c in RED for v in (c, 0)) * 8) * 8
        ),
        "seen",
        (8, 8),
        (RED,) * 4,
    )


def _interlaced() -> bytes:
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    return b"".join(
        (b"\0" + bytes(RED) * len(range(x, 8, dx))) * len(range(y, 8, dy))
        for x, y, dx, dy in passes
    )


def _jpeg() -> Iterator[Case]:
    data = saved(scene(), "JPEG", quality=95)
    for name, options in {"progressive": {"progressive": True}, "with restarts": {"restart_marker_blocks": 1},
                          "with restarts a row": {"restart_marker_rows": 1}, "unsubsampled": {"subsampling": 0},
                          "in 4:1:0": {"subsampling": 2}, "in RGB": {"keep_rgb": True}}.items():  # fmt: skip
        yield Case(f"JPEG, {name}", partial(saved, scene(), "JPEG", quality=95, **options), "seen")
    at = data.index(b"\xff\xc0")
    for kind, name in {
        0xC1: "extended",
        0xC3: "lossless",
        0xC5: "hierarchical",
        0xC9: "arithmetic",
        0xCA: "arithmetic, progressive",
    }.items():
        yield Case(
            f"JPEG that calls itself {name}",
            lambda kind=kind: data[: at + 1] + bytes((kind,)) + data[at + 2 :],
        )
    yield Case("JPEG of 12 bits", lambda: data[: at + 4] + b"\x0c" + data[at + 5 :], "refused")
    yield Case(
        "JPEG with 255 components", lambda: data[: at + 9] + b"\xff" + data[at + 10 :], "refused"
    )
    yield Case("JPEG without tables", lambda: data[:2] + data[at:])
    yield Case("JPEG without an end", lambda: data[:-2])
    yield Case(
        "JPEG of restarts alone",
        lambda: data[: data.index(b"\xff\xda") + 14] + b"\xff\xd0" * 90_000 + raw.JPEG_END,
    )
    yield Case(
        "JPEG of 40 scans", partial(raw.scans, 96, 64, 40), "seen", corners=((128, 128, 128),) * 4
    )
    yield Case("JPEG that is half zeros", lambda: data[: len(data) // 2] + bytes(len(data) // 2))
    adobe = saved(scene(mode="CMYK"), "JPEG", quality=95)
    yield Case(
        "JPEG in CMYK with another Adobe transform",
        lambda: adobe.replace(b"Adobe\0\x64\0\0\0\0\0", b"Adobe\0\x64\0\0\0\0\2"),
    )
    mpo = io.BytesIO()
    scene().save(mpo, "MPO", save_all=True, append_images=[scene()], quality=95)
    yield Case("JPEG of two pictures (MPO)", mpo.getvalue, "seen")


def _tiff() -> Iterator[Case]:
    for packing in (
        "tiff_lzw",
        "tiff_deflate",
        "packbits",
        "jpeg",
        "tiff_adobe_deflate",
        "zstd",
        "lzma",
    ):
        yield Case(
            f"TIFF by {packing}", partial(saved, scene(), "TIFF", compression=packing), "seen"
        )
    for packing in ("group3", "group4"):
        yield Case(
            f"TIFF by {packing}",
            partial(saved, scene(mode="1"), "TIFF", compression=packing),
            "seen",
            corners=as_seen("1"),
        )
    grey = bytes(SIZE[0] * SIZE[1])
    yield Case(
        "TIFF whose next page is itself",
        partial(raw.grey_tiff, *SIZE, next=8, data=grey),
        "seen",
        corners=((0, 0, 0),) * 4,
    )
    yield Case(
        "TIFF of 300 pages",
        partial(saved, scene(), "TIFF", save_all=True, append_images=[scene()] * 299),
        "seen",
    )
    yield Case("TIFF without a page", partial(raw.tiff, []), "refused")
    yield Case(
        "TIFF whose page is nowhere", lambda: struct.pack("<2sHI", b"II", 42, 2**31), "refused"
    )
    yield Case("TIFF as BigTIFF", partial(saved, scene(), "TIFF", big_tiff=True), "seen")
    yield Case(
        "BigTIFF of 2^60 entries",
        lambda: struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 2**60) + bytes(90),
        "refused",
    )
    yield Case(
        "TIFF whose strip is nowhere", partial(raw.grey_tiff, *SIZE, (273, 4, 1, 2**31)), "refused"
    )
    yield Case(
        "TIFF with 2^31 samples",
        partial(raw.grey_tiff, *SIZE, (277, 4, 1, 2**31), data=grey),
        "refused",
    )
    yield Case(
        "TIFF with a strip of 4 GB",
        partial(raw.grey_tiff, *SIZE, (279, 4, 1, 2**32 - 1), data=grey),
    )
    yield Case(
        "TIFF of empty deflate",
        partial(raw.grey_tiff, *SIZE, (259, 3, 1, 8), data=zlib.compress(b"")),
        "refused",
    )
    yield Case(
        "TIFF deflate of 64 MB",
        lambda: raw.grey_tiff(*SIZE, (259, 3, 1, 8), data=zlib.compress(bytes(MUCH), 1)),
    )
    yield Case(
        "TIFF with an unknown packing",
        partial(raw.grey_tiff, *SIZE, (259, 3, 1, 999), data=grey),
        "refused",
    )


def _gif() -> Iterator[Case]:
    yield Case("GIF with a frame of 0 x 0", partial(raw.gif, 8, 8, raw.gif_frame(0, 0)))
    yield Case("GIF with a screen of 0 x 0", partial(raw.gif, 0, 0, raw.gif_frame(8, 8)))
    yield Case("GIF without a frame", partial(raw.gif, 8, 8))
    yield Case(
        "GIF with a frame outside",
        partial(raw.gif, 8, 8, raw.gif_frame(8, 8, 60_000, 60_000)),
        "refused",
    )
    frame = raw.gif_frame(8, 8)
    yield Case(
        "GIF with letters of 13 bits", partial(raw.gif, 8, 8, frame[:10] + b"\x0d" + frame[11:])
    )
    yield Case(
        "GIF with letters of no bit", partial(raw.gif, 8, 8, frame[:10] + b"\0" + frame[11:])
    )


def _animated() -> Iterator[Case]:
    for format, count in (("GIF", 500), ("WEBP", 300), ("PNG", 1000), ("AVIF", 5)):
        black = [Image.new("RGB", SIZE, (i % 256, i // 256, 0)) for i in range(count)]
        options = (
            {"lossless": True} if format == "WEBP" else {"speed": 10} if format == "AVIF" else {}
        )
        make = partial(saved, scene(), format, save_all=True, append_images=black, **options)
        yield Case(f"{format} of {count} frames", make, "seen")
    claims = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    yield Case("PNG of 2^31 frames", lambda: with_chunks(saved(scene(), "PNG"), claims))
    words = PngImagePlugin.PngInfo()
    words.add_text("a", "b" * 100_000)
    yield Case("PNG with words", partial(saved, scene(), "PNG", pnginfo=words), "seen")


def _nothing() -> Iterator[Case]:
    noise = random.Random(11).randbytes
    yield Case("an empty file", bytes, "refused")
    yield Case("25 MB of zeros", lambda: bytes(25 * MEGABYTE), "refused")
    yield Case("25 MB of ones", lambda: b"\xff" * 25 * MEGABYTE, "refused")
    yield Case("25 MB of noise", lambda: noise(25 * MEGABYTE), "refused")
    yield Case(
        "200 MB of zeros called a PNG",
        lambda: raw.PNG + bytes(200 * MEGABYTE),
        "refused",
        heavy=True,
    )
    heads = {"JPEG": b"\xff\xd8\xff\xe0", "PNG": raw.PNG, "WEBP": b"RIFF\xff\xff\0\0WEBPVP8 ", "GIF": b"GIF89a", "BMP": b"BM",
             "TIFF": b"II*\0", "AVIF": b"\0\0\0\x1cftypavif"}  # fmt: skip
    for format, head in heads.items():
        yield Case(f"the head of a {format} alone", lambda head=head: head, "refused")
        yield Case(
            f"the head of a {format}, then zeros", lambda head=head: head + bytes(5000), "refused"
        )
        yield Case(
            f"the head of a {format}, then noise", lambda head=head: head + noise(5000), "refused"
        )
