"""Codes are read whatever their kind, size and direction; what is no code gives none."""

import io
import random

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from tests.support.chart_pictures import font
from tests.support.code_pictures import bars, laid, other, qr
from tests.support.paths import ASSETS
from vlm_backends import CancelToken
from vlm_backends.engines.builtin import codes
from vlm_backends.engines.builtin.code_content import visible
from vlm_backends.engines.builtin.codes import read_codes

F = zxingcpp.BarcodeFormat
LINK = "https://example.org/seats?row=7&seat=21B"


def found(image: Image.Image) -> list[str]:
    return [code.label for code in read_codes(np.asarray(image.convert("RGB")))]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


# --- kinds ----------------------------------------------------------------------------------------

KINDS = [
    ("QR code", LINK, qr(LINK)),
    ("QR code", "12 Mill Lane", qr("12 Mill Lane", error="h")),
    ("Micro QR code", "PARCEL 7", qr("PARCEL 7", micro=True)),
    ("Data Matrix code", "LOT 2207-A", other(F.DataMatrix, "LOT 2207-A")),
    ("Aztec code", "Platform 9, coach 4", other(F.Aztec, "Platform 9, coach 4")),
    ("PDF417 barcode", "Boarding 14C", other(F.PDF417, "Boarding 14C", 2)),
    ("EAN-13 barcode", "9780306406157", bars("ean13", "978030640615")),
    ("EAN-8 barcode", "96385074", bars("ean8", "9638507")),
    ("UPC-A barcode", "036000291452", bars("upca", "03600029145")),
    ("UPC-E barcode", "04252614", other(F.UPCE, "04252614", 2)),
    ("Code 128 barcode", "HARBOUR/88", bars("code128", "HARBOUR/88")),
    ("Code 39 barcode (no check digit)", "SHELF-4", bars("code39", "SHELF-4")),
    ("Code 93 barcode", "CRATE 12", other(F.Code93, "CRATE 12", 2)),
    ("ITF barcode", "30712345000010", other(F.ITF, "30712345000010", 2)),
    ("ITF barcode (no check digit)", "12345678", other(F.ITF, "12345678", 2)),
    ("Codabar barcode (no check digit)", "A4015688B", other(F.Codabar, "A4015688B", 2)),
    ("DataBar Omni barcode", "(01)09501101530010", other(F.DataBarOmni, "0950110153001", 2)),
]


@pytest.mark.parametrize("kind, content, image", KINDS, ids=[kind for kind, *_ in KINDS])
def test_each_kind_is_read(kind, content, image):
    assert found(laid(image)) == [f"{kind}: {content}"]


@pytest.mark.slow
@pytest.mark.parametrize("angle", [8, 23, 30, 41, 56, 67, 90, 180, 270, 318])
@pytest.mark.parametrize("kind, content, image", KINDS, ids=[kind for kind, *_ in KINDS])
def test_each_kind_is_read_at_any_angle(kind, content, image, angle):
    seen = found(laid(image.resize((image.width * 2, image.height * 2), 0), angle=angle))
    assert f"{kind}: {content}" in seen
    assert all(label == f"{kind}: {content}" or "left out" in label for label in seen)


@pytest.mark.slow
@pytest.mark.parametrize("kind, content, image", KINDS, ids=[kind for kind, *_ in KINDS])
@pytest.mark.parametrize("change", [
    ImageOps.invert,
    lambda im: im.resize((im.width * 4, im.height * 4), 0),
    lambda im: im.filter(ImageFilter.GaussianBlur(0.9)),
    lambda im: jpeg(im, 30),
    lambda im: Image.eval(im, lambda v: 150 + v // 5),
    lambda im: ImageOps.colorize(im.convert("L"), "navy", "khaki"),
], ids=["inverted", "large", "blurred", "jpeg", "pale", "coloured"])  # fmt: skip
def test_each_kind_is_read_in_a_poor_picture(kind, content, image, change):
    assert found(change(laid(image))) == [f"{kind}: {content}"]


@pytest.mark.parametrize("image, content", [
    (ImageOps.invert(laid(qr(LINK))), LINK),
    (ImageOps.invert(laid(bars("ean13", "400638133393"))), "4006381333931"),
    (laid(bars("ean13", "400638133393", 5)), "4006381333931"),
    (laid(bars("code128", "GATE-27", 6)), "GATE-27"),
    (laid(bars("ean13", "871125300120", 1), 40), "8711253001202"),
    (laid(bars("code39", "ROW 12-C", 3), angle=30), "ROW 12-C"),
    (laid(bars("upca", "72527273070", 3), angle=45), "725272730706"),
    (laid(qr("tilted", 4), angle=30), "tilted"),
    (laid(qr("soft", 5).filter(ImageFilter.GaussianBlur(2))), "soft"),
    (laid(qr("tiny", 1), 60), "tiny"),
])  # fmt: skip
def test_inverted_large_small_turned_and_soft(image, content):
    assert [label.partition(": ")[2] for label in found(image)] == [content]


def test_a_line_that_leaves_the_bars_makes_no_second_code():
    code = bars("ean13", "978030640615", 4)
    assert found(laid(code, angle=8)) == ["EAN-13 barcode: 9780306406157"]
    assert found(laid(other(F.ITF, "30712345000010", 4), angle=5)) == [
        "ITF barcode: 30712345000010"
    ]


# --- content --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, options", [
    ("東京タワー", {"encoding": "shift-jis"}),
    ("漢字とかな", {"encoding": "shift-jis"}),
    ("東京タワー 2階", {"encoding": "utf-8"}),
    ("Größe: 5 €, naïve café", {"encoding": "utf-8"}),
    ("Señor Peña, São Tomé", {"encoding": "iso-8859-1"}),
    ("Łódź Привет", {"encoding": "utf-8"}),
    ("0123456789012", {}),
    ("UPPER CASE $%*+-./:", {}),
])  # fmt: skip
def test_words_of_any_encoding_come_out_as_they_were(text, options):
    assert found(laid(qr(text, **options))) == [f"QR code: {text}"]


@pytest.mark.parametrize("text", ["5 °C", "±3 µm", "£5", "½ l"])
def test_bytes_that_may_be_western_or_japanese_are_given_both_ways(text):
    (label,) = found(laid(qr(text, encoding="iso-8859-1")))
    assert label.startswith(f"QR code: {text} (or, in a code from Japan: ")


@pytest.mark.parametrize("text, shown", [
    ("BEGIN:VCARD\nN:Lee\r\nEND:VCARD", "BEGIN:VCARD↵N:Lee↵END:VCARD"),
    ("a\tb", "a⇥b"),
    ("a\x00b\x1b[31mc\x7f", "a‹U+0000›b‹U+001B›[31mc‹U+007F›"),
    ("TOTAL\n\nTOTAL $0.00", "TOTAL↵↵TOTAL $0.00"),
    ("moc.live\u202etxt", "moc.live‹U+202E›txt"),
    ("pay\u200bpal\ufeff", "pay‹U+200B›pal‹U+FEFF›"),
])  # fmt: skip
def test_what_cannot_be_seen_is_spelled_out(text, shown):
    assert visible(text) == shown
    assert found(laid(qr(text, encoding="utf-8"))) == [f"QR code: {shown}"]


def test_bytes_that_are_no_text_are_counted():
    content = bytes([0x89, 0x50, 0xFF, 0xFE, 0, 1, 200, 201] * 3)
    (label,) = found(laid(qr(content, mode="byte")))
    assert label == "QR code: 24 bytes that are no text: 89 50 ff fe 00 01 c8 c9 89 50 ff fe 00 01 c8 c9 …"  # fmt: skip


# --- several, and places --------------------------------------------------------------------------


def test_several_codes_are_listed_from_the_top_each_in_its_place():
    sheet = Image.new("RGB", (700, 560), "white")
    sheet.paste(bars("ean13", "400638133393"), (20, 20))
    sheet.paste(qr("second", 4), (400, 180))
    sheet.paste(ImageOps.invert(laid(bars("code128", "THIRD"), 4)), (20, 330))
    codes = read_codes(np.asarray(sheet))
    assert [code.content for code in codes] == ["4006381333931", "second", "THIRD"]
    for code, (left, top) in zip(codes, [(20, 20), (400, 180), (20, 330)]):
        xs, ys = zip(*code.corners)
        assert left <= min(xs) <= left + 60 and top - 2 <= min(ys) <= top + 40


def test_two_codes_of_the_same_content_are_two():
    sheet = Image.new("RGB", (420, 560), "white")
    for top in (10, 280):
        sheet.paste(bars("ean8", "9638507"), (20, top))
    assert found(sheet) == ["EAN-8 barcode: 96385074"] * 2


def test_a_turned_code_has_its_corners_on_it():
    image = laid(qr("corners", 4), 60, angle=30)
    (code,) = read_codes(np.asarray(image))
    inner = 4 * 21 * np.sqrt(2) / 2  # px from the middle of a code of 21 modules to its corner
    middle = np.array([image.width, image.height]) / 2
    away = np.linalg.norm(np.array(code.corners) - middle, axis=1)
    assert away == pytest.approx([inner] * 4, rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["coffee.jpg", "cat.jpg", "astronaut.jpg", "rocket.jpg", "sign.jpg"]
)
@pytest.mark.parametrize("code, content", [
    (qr(LINK, 3), LINK), (bars("ean13", "400638133393"), "4006381333931"), (bars("code128", "LOT-44"), "LOT-44"),
    (other(F.DataMatrix, "LOT 2207-A", 4), "LOT 2207-A"),
])  # fmt: skip
def test_codes_in_photographs(name, code, content):
    photograph = Image.open(ASSETS / name).convert("RGB").resize((640, 480))
    sticker = laid(code, 4).convert("RGBA").rotate(7, Image.Resampling.BICUBIC, expand=True)
    photograph.paste(sticker, (150, 120), sticker)
    assert [label.partition(": ")[2] for label in found(jpeg(photograph, 70))] == [content]


# --- no code --------------------------------------------------------------------------------------


def stripes(seed: int, widths: str, quiet: int, size=(420, 220)) -> Image.Image:
    """Bars of random widths, as no code has them."""
    dice, image = random.Random(seed), Image.new("RGB", size, "white")
    x = quiet
    while x < size[0] - quiet:
        width = int(dice.choice(widths)) * 2
        ImageDraw.Draw(image).rectangle((x, 20, min(x + width, size[0] - quiet) - 1, 200), "black")
        x += width + int(dice.choice(widths)) * 2
    return image


def fence(step: int, width: int) -> Image.Image:
    image = Image.new("RGB", (400, 240), (150, 190, 230))
    for x in range(0, 400, step):
        ImageDraw.Draw(image).rectangle((x, 50, x + width, 230), (90, 60, 30))
    ImageDraw.Draw(image).rectangle((0, 90, 400, 100), (90, 60, 30))
    return image


def printed(letter: int, text: str) -> Image.Image:
    image = Image.new("RGB", (420, 240), "white")
    ImageDraw.Draw(image).multiline_text((8, 8), "\n".join([text] * 20), "black", font(letter))
    return image


def squares(seed: int, side: int) -> Image.Image:
    """Random modules, without the marks by which codes are found."""
    light = np.random.RandomState(seed).rand(240 // side, 320 // side) < 0.5
    grey = np.kron(light * 255, np.ones((side, side))).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


NO_CODE = [
    *[stripes(seed, widths, quiet) for seed, widths, quiet in [(1, "12", 30), (2, "13", 30), (3, "1234", 40), (4, "113", 0), (5, "12", 50), (6, "1234", 0)]],
    *[fence(step, width) for step, width in [(8, 3), (12, 6), (6, 2), (20, 4)]],
    *[printed(letter, text) for letter, text in [(9, "Illicit hill mill: 1111 2207 |||| lllll"), (12, "||||| ||| |||| IIII llll"), (14, "0123456789 4006381333931"), (18, "* SHELF-4 *")]],
    *[squares(seed, side) for seed, side in [(1, 3), (2, 5), (3, 8)]],
    Image.effect_noise((300, 200), 120).convert("RGB"),
    Image.new("RGB", (300, 200), "white"),
    Image.new("RGB", (1, 1), "black"),
    Image.new("RGB", (600, 1), "black"),
    Image.radial_gradient("L").convert("RGB"),
    Image.fromarray((np.indices((200, 300)).sum(0) % 2 * 255).astype(np.uint8)).convert("RGB"),
]  # fmt: skip


@pytest.mark.parametrize("image", NO_CODE)
def test_what_is_no_code_gives_none(image):
    assert found(image) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_random_stripes_are_no_codes(seed):
    widths, quiet = random.Random(seed).choice([("12", 30), ("113", 40), ("1234", 20), ("123", 0)])
    assert not [label for label in found(stripes(seed, widths, quiet)) if "left out" not in label]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["astronaut.jpg", "cat.jpg", "coffee.jpg", "poster.jpg", "rocket.jpg", "sign.jpg", "chart.png",
    "grouped.png", "horizontal.png", "page.png", "slide1.png", "slide2.png", "slide3.png"])  # fmt: skip
def test_pictures_without_a_code_give_none(name):
    assert found(Image.open(ASSETS / name)) == []


@pytest.mark.parametrize("format, content", [(F.Code39, "H"), (F.Code39, "A-1"), (F.ITF, "1234")])
def test_a_short_code_without_a_check_digit_is_left_out_with_a_word(format, content):
    (label,) = found(laid(other(format, content, 3)))
    assert label == "Barcode: not readable with certainty, left out"


def test_half_a_code_is_not_read():
    whole = laid(bars("ean13", "400638133393", 3))
    assert not [label for label in found(whole.crop((0, 0, whole.width // 2, whole.height))) if "left out" not in label]  # fmt: skip


def test_it_ends_when_it_is_stopped():
    stop = CancelToken()
    stop.set()
    assert read_codes(np.asarray(laid(qr("stop"))), stop) == []


@pytest.mark.parametrize("size", [(12000, 8), (8, 12000), (5000, 40), (900, 700), (4000, 3000)])
def test_turning_never_makes_a_huge_picture(size, monkeypatch):
    seen = []
    monkeypatch.setattr(codes, "_read", lambda grey, *_: seen.append(grey.size) or [])
    read_codes(np.zeros((*size, 3), np.uint8))
    assert max(seen[5:], default=0) <= 4_100_000


# --- codes that are seen and cannot be read ---------------------------------------------------------

UNREADABLE = "QR code: not readable with certainty, left out"


def blotted(code: Image.Image, share: float, blot: str = "white") -> Image.Image:
    """The code with a square blot on its lower right part, where no corner mark is."""
    image = laid(code)
    start, end = 0.6 * image.width - share / 2 * image.width, (0.6 + share / 2) * image.width
    ImageDraw.Draw(image).rectangle((start, start, end, end), fill=blot)
    return image


@pytest.mark.parametrize("module, share, error, blot", [(4, 0.35, "l", "white"), (4, 0.45, "h", "white"), (6, 0.4, "l", "black"), (6, 0.45, "h", "#a04030")])  # fmt: skip
def test_a_damaged_code_is_named_once(module, share, error, blot):
    assert found(blotted(qr(LINK, module, error=error), share, blot)) == [UNREADABLE]


def test_a_damaged_code_beside_a_whole_one_is_named_too():
    sheet = Image.new("RGB", (460, 230), "white")
    sheet.paste(blotted(qr(LINK, 4), 0.4), (0, 0))
    sheet.paste(laid(qr("Seat 7", 4)), (250, 0))
    assert sorted(found(sheet)) == ["QR code: Seat 7", UNREADABLE]


@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
@pytest.mark.parametrize("module, count", [(5, 3), (5, 6), (8, 3), (8, 6), (12, 6)])
def test_buttons_and_targets_are_no_damaged_codes(shape, module, count):
    """Each looks like a corner mark of a QR code, and three of them like a code."""
    sheet = Image.new("RGB", (700, 420), "white")
    pen = ImageDraw.Draw(sheet)
    for i in range(count):
        x, y = 30 + i % 3 * 200, 30 + i // 3 * 130
        for rim, ink in ((0, "black"), (1, "white"), (2, "black")):
            box = (x + rim * module, y + rim * module, x + (7 - rim) * module - 1, y + (7 - rim) * module - 1)  # fmt: skip
            getattr(pen, shape)(box, ink)
        pen.text((x + 8 * module, y), "Press to begin", "black", font(14))
    for row in range(5):
        pen.text((30, 250 + 30 * row), "Wait for the light. Then speak.", "black", font(20))
    assert found(sheet) == []


@pytest.mark.parametrize("name", ["chart.png", "grouped.png", "coffee.jpg", "cat.jpg"])
def test_charts_and_photographs_have_no_damaged_codes(name):
    assert found(Image.open(ASSETS / name)) == []


@pytest.mark.parametrize("gap", [0, 30])
def test_a_sheet_of_codes_has_no_damaged_ones(gap):
    one = [qr(f"Row {i} seat {7 * i}", 3) for i in range(6)]
    side = one[0].width + gap
    sheet = Image.new("RGB", (3 * side, 2 * side), "white")
    for i, image in enumerate(one):
        sheet.paste(image, (i % 3 * side, i // 3 * side))
    assert sorted(found(sheet)) == [f"QR code: Row {i} seat {7 * i}" for i in range(6)]
