"""Files of several pages, frames or pictures: each can be read, and what is not there is a sentence."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from tests.support import file_bytes as raw
from tests.support.broken_files import BLUE, GREEN, RED, SIZE, WHITE, photograph, scene
from tests.support.heif import HeifPicture, heic
from tests.support.pdf_files import PdfPage, pdf
from tests.support.processes import printed
from vlm_backends import BadPrompt, Refused, read
from vlm_backends.media import images
from vlm_backends.media.decoding import first_page
from vlm_backends.media.files import pdf as pdf_files

COLOURS = (200, 40, 40), (40, 160, 60), (40, 60, 200), (220, 180, 30), (120, 40, 160)


def plain(colour, size=SIZE) -> Image.Image:
    return Image.new("RGB", size, colour)


def saved(frames, format, **options) -> bytes:
    buffer = io.BytesIO()
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def middle(picture) -> tuple:
    return images.pixels(picture).getpixel((picture.width // 2, picture.height // 2))


def near(one, other, by=12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


SEVERAL = {
    "TIFF": ("page", {}),
    "TIFF in LZW": ("page", {"compression": "tiff_lzw"}),
    "TIFF in JPEG": ("page", {"compression": "jpeg"}),
    "BigTIFF": ("page", {"big_tiff": True}),
    "GIF": ("frame", {}),
    "PNG": ("frame", {}),
    "WEBP": ("frame", {"lossless": True}),
    "AVIF": ("frame", {"speed": 10, "quality": 90}),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_each_page_or_frame_can_be_read(name):
    unit, options = SEVERAL[name]
    format = "TIFF" if "TIFF" in name else name
    data = saved([plain(colour) for colour in COLOURS], format, **options)
    for number, colour in enumerate(COLOURS, 1):
        picture = read(data, page=number)
        assert near(middle(picture), colour), (name, number, middle(picture))
        assert (picture.page.number, picture.page.count, picture.page.unit) == (number, 5, unit)
        assert picture.page.sentence == f"{unit.capitalize()} {number} of 5."
    with pytest.raises(BadPrompt, match=f"^This file has 5 {unit}s; {unit} 9 was asked for.$"):
        read(data, page=9)


def test_pages_may_differ_in_size_mode_and_orientation():
    turned = Image.Exif()
    turned[0x0112] = 6
    frames = [scene(), scene((60, 200), "L"), scene((300, 40), "CMYK"), scene((50, 50), "1")]
    data = saved(frames, "TIFF")
    for number, frame in enumerate(frames, 1):
        picture = read(data, page=number)
        assert (picture.width, picture.height) == frame.size
        assert first_page(data).count == picture.page.count == 4


@pytest.mark.parametrize("file", [raw.saved(scene(), "PNG"), raw.saved(scene(), "JPEG"), raw.saved(scene(), "GIF"),
                                  raw.saved(scene(), "TIFF"), raw.saved(scene(), "WEBP"), heic()], ids=lambda data: str(data[:8]))  # fmt: skip
def test_an_ordinary_picture_has_one_page_and_says_nothing(file):
    picture = read(file)
    assert picture.page.sentence == "" and picture.page.count == 1
    with pytest.raises(
        BadPrompt, match=r"^This file has 1 (page|frame|picture); \1 2 was asked for\.$"
    ):
        read(file, page=2)


@pytest.mark.parametrize("page", [0, -1, True, 1.5, "2", None, float("nan"), 10**30])
def test_a_page_that_is_no_page_is_a_sentence(page):
    with pytest.raises(BadPrompt, match=r"^[A-Z].*\.$"):
        read(saved([plain(RED), plain(BLUE)], "TIFF"), page=page)


def test_a_file_name_carries_the_page(tmp_path):
    path = tmp_path / "scan.tif"
    path.write_bytes(saved([plain(RED), plain(BLUE)], "TIFF"))
    assert [read(path, page=number).title for number in (1, 2)] == ["scan.tif", "scan.tif#page=2"]
    assert read(path.read_bytes(), page=2).title == ""


# TIFF: smaller copies, masks, raw files, chains


def with_subfile_types(data: bytes, types: dict[int, int]) -> bytes:
    """Set NewSubfileType in directories, by their number from 1; the tag takes Software's place."""
    out, offset, number = bytearray(data), struct.unpack_from("<I", data, 4)[0], 1
    while offset:
        count = struct.unpack_from("<H", data, offset)[0]
        for at in range(offset + 2, offset + 2 + 12 * count, 12):
            if struct.unpack_from("<H", data, at)[0] == 305 and number in types:
                struct.pack_into("<HHII", out, at, 254, 4, 1, types[number])
        offset, number = struct.unpack_from("<I", data, offset + 2 + 12 * count)[0], number + 1
    return bytes(out)


def test_smaller_copies_and_masks_are_no_pages():
    frames = [plain(COLOURS[0]), plain(COLOURS[0], (48, 32)), plain(COLOURS[1]), plain(COLOURS[2])]
    data = saved(frames, "TIFF", tiffinfo={305: "x"})
    data = with_subfile_types(data, {2: 1, 4: 4})
    assert first_page(data).count == 2 and near(middle(read(data, page=2)), COLOURS[1])


def test_a_raw_file_of_a_camera_is_not_answered_from_its_preview():
    preview = raw.grey_tiff(8, 8, (254, 4, 1, 1), (330, 4, 1, 8), data=bytes(64))
    canon = b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + preview[8:]
    for data in (preview, canon):
        with pytest.raises(BadPrompt, match="raw file.*export it as JPEG"):
            read(data)


def test_many_directories_of_many_entries_are_not_looked_through():
    """They overlap: a small file claims billions of entries."""
    rows = b"".join(struct.pack("<HI", 65_535, 8 + 6 * (number + 1)) for number in range(150_000))
    with pytest.raises(BadPrompt, match="too many small parts"):
        read(struct.pack("<2sHI", b"II", 42, 8) + rows)


def test_a_bomb_in_a_later_page_is_refused_when_it_is_asked_for():
    data = saved([plain(RED), plain(BLUE), plain(GREEN)], "TIFF")
    second = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, second)[0]
    second = struct.unpack_from("<I", data, second + 2 + 12 * count)[0]
    out = bytearray(data)
    for at in range(second + 2, second + 2 + 24, 12):  # its width and height
        struct.pack_into("<HHII", out, at, struct.unpack_from("<H", data, at)[0], 4, 1, 60_000)
    assert near(middle(read(bytes(out))), RED) and near(middle(read(bytes(out), page=3)), GREEN)
    with pytest.raises(BadPrompt, match="too large: at most 25 megapixels"):
        read(bytes(out), page=2)


@pytest.mark.parametrize("kind", ["itself", "the first", "nowhere", "a long way"])
def test_a_chain_of_pages_ends(kind):
    """A chain that comes back, leaves the file, or does not end is looked through in no time."""
    one = raw.grey_tiff(*SIZE, data=bytes(SIZE[0] * SIZE[1]))
    after = 8 + 2 + 12 * 9
    there = {"itself": 8, "the first": 8, "nowhere": 2**31, "a long way": len(one)}[kind]
    data = one[:after] + struct.pack("<I", there) + one[after + 4 :]
    if kind == "a long way":
        empty = b"".join(struct.pack("<HI", 0, len(one) + 6 * (i + 1)) for i in range(20_000))
        with pytest.raises(BadPrompt, match="too many small parts"):
            read(data + empty)
        return
    assert read(data).page.count == 1


# Animations


def test_a_frame_is_drawn_over_those_before_it():
    frames = [plain(WHITE, (60, 40)) for _ in range(4)]
    for index, frame in enumerate(frames):
        frame.paste(COLOURS[0], (0, 0, 10 * (index + 1), 40))
    data = saved(frames, "GIF")
    for number in (1, 2, 4):
        pixels = images.pixels(read(data, page=number))
        assert near(pixels.getpixel((10 * number - 5, 20)), COLOURS[0])
        assert near(pixels.getpixel((10 * number + 5, 20)), WHITE)


def test_a_frame_that_takes_too_long_to_reach_is_a_sentence():
    data = raw.gif(3000, 1000, raw.gif_frame(1, 1) * 40)
    assert read(data, page=2).page.sentence == "Frame 2 of 40."
    with pytest.raises(BadPrompt, match="^Frame 40 lies too deep in this animation"):
        read(data, page=40)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_later_frame_of_a_gif_may_not_grow_beyond_the_limit():
    data = raw.gif(8, 8, raw.gif_frame(1, 1) + raw.gif_frame(12_000, 12_000) + raw.gif_frame(1, 1))
    with pytest.raises(BadPrompt, match="too large: at most 15 megapixels"):
        read(data, page=3)


def test_an_animation_does_not_claim_more_frames_than_it_has():
    data = saved([plain(RED), plain(BLUE)], "PNG")
    at = data.index(b"acTL")
    body = b"acTL" + struct.pack(">II", 2**31 - 1, 0)
    lying = data[:at] + body + struct.pack(">I", zlib.crc32(body)) + data[at + 16 :]
    assert read(lying).page.count == 2


def test_a_jpeg_of_two_pictures_counts_them_and_its_gain_map_does_not():
    data = saved([scene(), plain(COLOURS[1])], "MPO", quality=95)
    assert read(data).data == data and read(data).page.sentence == "Picture 1 of 2."
    assert near(middle(read(data, page=2)), COLOURS[1])
    phone = raw.with_segments(
        data, raw.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version='1.0'/>")
    )
    assert read(phone).page.sentence == ""


# HEIC


@pytest.mark.parametrize("stream", ["scene", "scene-10-bits"])
@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix"])
def test_heic_is_read(stream, brand):
    picture = read(heic(HeifPicture(stream), brand=brand))
    pixels = images.pixels(picture)
    assert pixels.size == SIZE and picture.mime == "image/jpeg" and not picture.page.sentence
    for at, colour in (((20, 15), RED), ((75, 15), WHITE), ((20, 50), GREEN), ((75, 50), BLUE)):
        assert near(pixels.getpixel(at), colour)


@pytest.mark.parametrize("turn, first", [(1, WHITE), (2, BLUE), (3, GREEN)])
def test_heic_is_turned_once_also_when_exif_says_it_again(turn, first):
    exif = Image.Exif()
    exif[0x0112] = {1: 8, 2: 3, 3: 6}[turn]
    for given in (b"", exif.tobytes()):
        picture = read(heic(HeifPicture(turn=turn, exif=given)))
        assert (picture.width, picture.height) == (SIZE if turn == 2 else SIZE[::-1])
        assert near(images.pixels(picture).getpixel((12, 12)), first)


def test_heic_is_mirrored():
    pixels = images.pixels(read(heic(HeifPicture(mirror=1))))
    assert near(pixels.getpixel((12, 12)), WHITE) and near(pixels.getpixel((84, 12)), RED)


@pytest.mark.parametrize("primary", [1, 2, 3])
def test_the_main_picture_of_a_heic_comes_first(primary):
    data = heic(*map(HeifPicture, ("scene", "gate", "total")), primary=primary)
    main = [(96, 64), (480, 160), (640, 160)][primary - 1]
    sizes = [(p.width, p.height) for p in (read(data, page=n) for n in (1, 2, 3))]
    assert sizes[0] == main and sorted(sizes) == [(96, 64), (480, 160), (640, 160)]
    assert read(data).page.sentence == "Picture 1 of 3."
    with pytest.raises(BadPrompt, match="This file has 3 pictures; picture 4 was asked for"):
        read(data, page=4)


WHOLE = heic(HeifPicture("gate"))


@pytest.mark.parametrize("data", [
    *(WHOLE[: len(WHOLE) * tenth // 10] for tenth in range(1, 10)), WHOLE[:40], b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    heic(HeifPicture(size=(20_000, 20_000))), heic(HeifPicture("large", (64, 64))), heic(HeifPicture("scene", (4096, 4096))),
    heic(codec=b"av99"), heic(primary=7), WHOLE.replace(b"ispe", b"xspe"), WHOLE.replace(b"hvcC", b"xvcC"),
    WHOLE[:-3000] + random.Random(3).randbytes(3000),
], ids=range(19))  # fmt: skip
def test_a_broken_heic_is_a_sentence_or_a_picture(data):
    try:
        picture = read(data)
    except BadPrompt as error:
        assert str(error).startswith("This picture is") and str(error).endswith(".")
    else:  # what is left of it can be seen
        assert picture.width * picture.height <= 480 * 160 and images.pixels(picture)


# PDF


def test_each_page_of_a_pdf_is_drawn():
    fill = "{} {} {} rg 0 0 595 842 re f"
    fills = [fill.format(*(level / 255 for level in colour)) for colour in COLOURS]
    data = pdf(*(PdfPage(drawing=drawing, size=(90, 45)) for drawing in fills))
    assert first_page(data).count == 5
    for number, colour in enumerate(COLOURS, 1):
        picture = read(data, page=number)
        assert near(middle(picture), colour, 2) and picture.page.sentence == f"Page {number} of 5."
        assert (picture.width, picture.height) == (250, 125) and picture.mime == "image/png"
    with pytest.raises(BadPrompt, match="^This file has 5 pages; page 9 was asked for.$"):
        read(data, page=9)


@pytest.mark.parametrize("size, most", [((200, 100), 300_000), ((595, 842), 4_000_000), ((14_400, 3), 200_000), ((1, 1), 10),
    pytest.param((2384, 3370), 25_000_000, marks=pytest.mark.slow), pytest.param((14_400, 14_400), 25_000_000, marks=pytest.mark.slow)])  # fmt: skip
def test_the_size_of_a_pdf_page_is_bounded(size, most):
    picture = read(pdf(PdfPage([("x", 12, 5, 5)], size)))
    assert picture.width * picture.height <= most and max(picture.width, picture.height) <= 16_000
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.35)
    assert images.pixels(picture).size == (picture.width, picture.height)


def test_a_turned_page_a_form_and_an_annotation_are_drawn():
    red = "1 0 0 rg 0 0 100 50 re f"
    turned = read(pdf(PdfPage(drawing=red, size=(200, 100), turn=90)))
    assert (turned.width, turned.height) == (278, 556)
    field = "<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(Anna)/Rect[20 20 180 80]/F 4/DA(/F 12 Tf 0 g)/AP<</N 5 0 R>>>>"
    look = "<</Type/XObject/Subtype/Form/BBox[0 0 160 60]/Length 23>>stream\n0 0 1 rg 0 0 160 60 re f\nendstream"
    filled = pdf(
        PdfPage(size=(200, 100), annotations=["4 0 R"]),
        catalogue="/AcroForm<</Fields[4 0 R]>>",
        more=[field, look],
    )
    note = "<</Type/Annot/Subtype/Square/Rect[20 20 180 80]/F 4/AP<</N 5 0 R>>>>"
    noted = pdf(PdfPage(size=(200, 100), annotations=["4 0 R"]), more=[note, look])
    for data in (filled, noted):
        assert middle(read(data))[2] > 200 and middle(read(data))[1] < 220


def test_a_script_in_a_pdf_does_not_run():
    script = "/OpenAction<</S/JavaScript/JS(while\\(true\\){})>>"
    assert read(pdf(PdfPage([("hello", 20, 20, 20)], (200, 100)), catalogue=script))


@pytest.mark.parametrize("data, said", [
    (pdf(PdfPage([("secret", 20, 20, 20)]), password="swordfish"), "locked by a password"),
    (pdf(), "has no pages"),
    (b"%PDF-1.7\n%%EOF", "broken or cut off"),
    (pdf(PdfPage([("x", 20, 20, 20)]))[:200], "broken or cut off"),
    (b"%PDF-1.4\n" + random.Random(1).randbytes(3000), "broken or cut off"),
])  # fmt: skip
def test_a_pdf_that_cannot_be_read_is_a_sentence(data, said):
    with pytest.raises(BadPrompt, match=rf"^This PDF .*{said}.*\.$"):
        read(data)


@pytest.fixture
def stub(monkeypatch, tmp_path):
    """Return a function that puts this code in the place of pypdfium2."""

    def put(code: str):
        (tmp_path / "pypdfium2.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path / "seen"

    return put


ONE_PAGE = pdf(PdfPage([("x", 20, 20, 20)]))
CALLS = first_page, read


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["NVIDIA_API_KEY", "VLM_SERVER_KEY", "VLM_API_KEY", "VLM_AUTH", "HF_TOKEN", "https_proxy", "LAB_KEY"])  # fmt: skip
def test_the_program_that_reads_pdfs_has_no_keys(stub, monkeypatch, name, call):
    """Neither in its variables, nor in the block that it was started with."""
    monkeypatch.setenv(name, "canary-0123456789")
    seen = stub(
        "import os, pathlib\n"
        "told = pathlib.Path(__file__).with_name('seen')\n"
        "block = pathlib.Path('/proc/self/environ')\n"
        "started = block.read_text() if block.exists() else ''\n"
        "told.write_text(repr(dict(os.environ)) + started)\n"
        "raise ImportError"
    )
    with pytest.raises(BadPrompt, match="^PDFs need pypdfium2"):
        call(ONE_PAGE)
    assert "PYTHONPATH" in seen.read_text()
    assert "canary" not in seen.read_text() and name not in seen.read_text()


@pytest.mark.parametrize("name", ["SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"])
def test_the_program_that_reads_pdfs_has_what_python_needs(monkeypatch, name):
    monkeypatch.setenv(name, "/somewhere")
    assert pdf_files._environment()[name] == "/somewhere"
    assert read(ONE_PAGE)
    monkeypatch.delenv(name)
    assert name not in pdf_files._environment() and read(ONE_PAGE)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code, said", [
    ("raise ImportError", "^PDFs need pypdfium2: pip install pypdfium2$"),
    ("import nowhere", "^PDFs need pypdfium2: pip install pypdfium2$"),
    ("raise ValueError('No module named x')", "broken or cut off"),
    ("import os, sys; print('No module named x', file=sys.stderr, flush=True); os._exit(1)", "broken or cut off"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "too much memory or time"),
])  # fmt: skip
def test_what_went_wrong_with_a_pdf_is_not_guessed_from_words(stub, code, said, call):
    stub(code)
    with pytest.raises(BadPrompt, match=said):
        call(ONE_PAGE)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_pdf_waits_for_its_turn_and_not_for_ever(monkeypatch, number):
    data = pdf(*(PdfPage(size=(9, 9)) for _ in range(3)))
    with pdf_files._turn():
        assert read(data, page=number).page.number == number, "another turn is free"
        with pdf_files._turn():
            monkeypatch.setattr(pdf_files, "_MAX_WAIT", 0.0)
            for call in (lambda: read(data, page=number), lambda: first_page(data)):
                with pytest.raises(
                    Refused, match=r"^Too many other PDFs .* in a minute\.$"
                ) as held:
                    call()
                assert held.value.status == 503 and held.value.retry_after
            assert read(saved([plain(RED)], "PNG")), "other files do not wait"
    assert first_page(data).count == 3, "all turns are free again"


def test_a_pdf_that_is_encrypted_with_no_password_is_read():
    """Its owner forbids changes; whoever opens it needs no password."""
    page = PdfPage(drawing="1 0 0 rg 0 0 200 100 re f", size=(200, 100))
    data = pdf(page, password="")
    assert b"/Encrypt" in data and near(middle(read(data)), (255, 0, 0))


@pytest.mark.slow
def test_a_pdf_that_draws_forever_is_ended():
    form = "<</Type/XObject/Subtype/Form/BBox[0 0 600 900]/Resources<</XObject<</A {0} 0 R>>>>/Length 60>>stream\n/A Do /A Do /A Do /A Do /A Do /A Do /A Do /A Do /A Do /A Do\nendstream"
    last = "<</Type/XObject/Subtype/Form/BBox[0 0 600 900]/Length 24>>stream\n0 0 600 900 re 0 0 m f  \nendstream"
    forms = [form.format(number) for number in range(5, 12)] + [last]
    page = PdfPage(drawing="q /B Do Q")
    data = pdf(page, more=forms).replace(
        b"/Font<</F 3 0 R>>", b"/Font<</F 3 0 R>>/XObject<</B 4 0 R>>"
    )
    with pytest.raises(BadPrompt, match="too much memory or time"):
        read(data)


# SVG


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


@pytest.mark.parametrize("text", [
    SVG, "  \n" + SVG, f"<?xml version='1.0' encoding='UTF-8'?>\n{SVG}", f"<!-- made by hand -->{SVG}",
    f"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'>{SVG}", SVG.replace("<svg", "<s:svg", 1),
    f"<?xml version='1.0'?><!DOCTYPE svg [{'<!ENTITY a 1>' * 900}]>{SVG}",
])  # fmt: skip
@pytest.mark.parametrize("pack", [str.encode, lambda text: text.encode("utf-8-sig"), lambda text: text.encode("utf-16"),
                                  lambda text: zlib.compress(text.encode(), wbits=31)])  # fmt: skip
def test_svg_is_refused_with_the_way_out(text, pack, tmp_path):
    path = tmp_path / "drawing.png"
    path.write_bytes(pack(text))
    for source in (path, path.read_bytes()):
        with pytest.raises(
            BadPrompt, match="^SVG drawings are not read here: open it in a browser, save it as PNG"
        ):
            read(source)


@pytest.mark.parametrize(
    "text",
    ["<html><svg></svg></html>", "<?xml version='1.0'?><a/>", "an <svg> in words", "<svgx/>"],
)
def test_what_only_mentions_svg_is_not_called_one(text):
    with pytest.raises(BadPrompt, match="not a picture that can be read here"):
        read(text.encode())


def test_the_libraries_for_heic_and_pdf_are_loaded_when_such_a_file_comes():
    code = (
        "import sys, io; from PIL import Image; from vlm_backends import read; file = io.BytesIO();"
        "Image.new('RGB', (8, 8)).save(file, 'PNG'); read(file.getvalue());"
        "print([name for name in ('pi_heif', 'pypdfium2') if name in sys.modules])"
    )
    assert printed(code) == "[]"


def test_broken_pages_do_not_spoil_the_others():
    data = saved([photograph(), photograph(), plain(BLUE)], "TIFF", compression="tiff_deflate")
    first = struct.unpack_from("<I", data, 4)[0]
    spoilt = data[:30] + random.Random(2).randbytes(3000) + data[3030:] if first > 3030 else data
    assert near(middle(read(spoilt, page=3)), BLUE)
