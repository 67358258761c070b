"""Files of an answer, opened again by what opens such files: csv, XML, zip, Pillow, COCO's own reader."""

import base64
import csv
import html
import io
import json
import math
import random
import re
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from PIL import Image, ImageChops

from vlm_backends import Answer, BadPrompt, Region, Turn, colours, draw, read
from vlm_backends.media import images
from vlm_backends.media.exports import (
    FORMATS,
    as_coco,
    as_conversation,
    as_csv,
    as_markdown,
    as_mask,
    as_page,
    as_png,
    as_svg,
    as_text,
    as_voc,
    as_yolo,
)

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
NAN, INF = float("nan"), float("inf")


def box(x0, y0, x1, y1, label="thing", is_mask=False):
    return Region(label, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)), is_mask)


def ring(label="ring", points=40):
    turns = [t / points * 2 * math.pi for t in range(points)]
    return Region(
        label,
        tuple((0.6 + 0.3 * math.cos(t), 0.5 + 0.4 * math.sin(t)) for t in turns),
        is_mask=True,
    )


def blank(width=200, height=100):
    return read(Image.new("RGB", (width, height), (90, 120, 60)))


def opened(picture):
    return Image.open(io.BytesIO(picture.data))


def parsed(svg):
    return ElementTree.fromstring(svg.encode())


def lines(text):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.fixture
def coco(tmp_path):
    """Loads a dict as COCO's own reader does: from a file, with its index."""
    reader = pytest.importorskip(
        "pycocotools.coco", reason="pycocotools is not installed: see requirements-dev.txt"
    )

    def load(data):
        path = tmp_path / "coco.json"
        path.write_text(json.dumps(data, allow_nan=False))
        return reader.COCO(path)

    return load


PICTURE = blank()
FOUND = (box(0.1, 0.2, 0.5, 0.6, "cup"), ring("plate"), box(0.6, 0.1, 0.9, 0.4, "cup"))
HOSTILE = [
    "<script>alert(1)</script>", "\"' onload='x' &amp; &#0; ]]> --><!--", "<title></title></svg>", "a\0b\x07c\x1b[31mred\x7f\x9b",
    "\u202eexe.gnp\u202c", "\u2066left\u2069 \u2067right\u2069", "half \ud800 of \udfff one", "\ufffe\uffff", "x" * 10_000,
    "=cmd|'/c calc'!A1", "line\nline\r\nline\ttab\rend", "שלום 日本 Straße 👩‍👩‍👧", "   ", "", "\x00", "-->\u2028\u2029\x85",
]  # fmt: skip
FORBIDDEN = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
PLACELESS = {
    "empty": (), "a point": ((0.5, 0.5),), "a line": ((0.1, 0.1), (0.9, 0.9)), "one point, often": ((0.5, 0.5),) * 9,
    "all on a line": ((0.111, 0.123), (0.333, 0.369), (0.777, 0.861)), "no numbers": ((NAN, NAN),) * 4, "infinite": ((INF, -INF),) * 4,
    "half numbers": ((0.1, NAN), (NAN, 0.1), (INF, 0.5), (0.5, 0.5)), "outside": ((5.0, 5.0), (1e300, 5.0), (7.0, 1e308)),
    "left of it": ((-9.0, 0.1), (-1.0, 0.1), (-1.0, 0.9), (-2.0, 0.9)), "too small": ((0.5, 0.5), (0.5 + 1e-9, 0.5), (0.5, 0.6)),
}  # fmt: skip


# drawings


def test_a_png_is_the_drawing_at_full_size():
    made = as_png(PICTURE, FOUND)
    assert made.mime == "image/png" and (made.width, made.height) == (200, 100) == opened(made).size
    assert opened(made).tobytes() == draw(images.pixels(PICTURE), FOUND).tobytes()
    assert images.pixels(as_png(PICTURE, ())).tobytes() == images.pixels(PICTURE).tobytes()


def test_a_plain_png_shows_the_regions_on_white():
    made = opened(as_png(PICTURE, FOUND, plain=True))
    assert made.size == (200, 100) and made.getpixel((199, 99)) == (255, 255, 255)
    assert set(colours([region.label for region in FOUND]).values()) <= {
        pixel for _, pixel in made.getcolors(100_000)
    }
    assert opened(as_png(PICTURE, (), plain=True)).getcolors() == [(200 * 100, (255, 255, 255))]


def test_an_svg_holds_the_picture_and_its_regions():
    root = parsed(as_svg(PICTURE, FOUND))
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == "0 0 200 100"
    (image,) = root.iter(f"{SVG}image")
    assert (image.get("width"), image.get("height")) == ("200", "100")
    head, _, data = image.get(LINK).partition(",")
    assert head == "data:image/png;base64" and base64.b64decode(data) == PICTURE.data
    shapes = list(root.iter(f"{SVG}polygon"))
    assert len(shapes) == len(FOUND)
    for shape, region in zip(shapes, FOUND):
        points = [tuple(map(float, pair.split(","))) for pair in shape.get("points").split()]
        assert points == [pytest.approx((x * 200, y * 100), abs=6e-4) for x, y in region.outline]
        assert shape.find(f"{SVG}title").text == region.label
        assert (
            shape.get("stroke")
            == shape.get("fill")
            == "rgb({},{},{})".format(*colours([each.label for each in FOUND])[region.label])
        )
        assert (float(shape.get("fill-opacity")) > 0) == region.is_mask
    assert [text.text for text in root.iter(f"{SVG}text")] == [region.label for region in FOUND]


def test_a_plain_svg_holds_no_picture():
    root = parsed(as_svg(PICTURE, FOUND, plain=True))
    assert not list(root.iter(f"{SVG}image")) and len(list(root.iter(f"{SVG}polygon"))) == len(
        FOUND
    )
    ground = root[0]
    assert (ground.get("width"), ground.get("height"), ground.get("fill")) == (
        "200",
        "100",
        "white",
    )


@pytest.mark.parametrize(
    "size", [(1, 1), (64, 48), (640, 480), (480, 800), (480, 6400), (9000, 30)], ids=str
)
def test_svg_labels_are_readable_and_start_inside_the_picture(size):
    regions = [
        box(0, 0, 1, 1, "all"),
        box(0.95, 0.95, 1, 1, "corner"),
        box(0.4, 0.4, 0.5, 0.5, "middle"),
    ]
    root = parsed(as_svg(blank(*size), regions))
    for text in root.iter(f"{SVG}text"):
        letters = float(text.get("font-size"))
        assert letters >= 0.02 * max(size) and letters >= 11
        assert 0 <= float(text.get("x")) - letters / 4 <= size[0]
        assert min(size[1], letters) <= float(text.get("y")) <= max(size[1], 1.1 * letters)
    plates = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx")]
    if size in ((640, 480), (480, 800)):
        assert all(float(plate.get("x")) + float(plate.get("width")) <= size[0] for plate in plates)


@pytest.mark.parametrize("label", HOSTILE, ids=lambda label: ascii(label[:20]))
@pytest.mark.parametrize("plain", [True, False])
def test_a_label_is_nothing_but_words_in_an_svg(label, plain):
    svg = as_svg(PICTURE, [box(0.1, 0.1, 0.9, 0.9, label)], plain)
    root = parsed(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "g",
        "polygon",
        "title",
        "rect",
        "text",
        "image",
    }
    assert all(not name.startswith("on") for element in root.iter() for name in element.attrib)
    assert not FORBIDDEN.search(svg)
    title = root.find(f".//{SVG}title").text or ""
    assert title.split() == FORBIDDEN.sub("", label).split(), "words were lost"
    assert all(0 < len(text.text) <= 40 for text in root.iter(f"{SVG}text"))
    assert as_png(PICTURE, [box(0.1, 0.1, 0.9, 0.9, label)], plain).width == 200


def test_a_huge_picture_fits_what_readers_of_xml_take():
    noise = Image.frombytes("RGB", (1700, 1700), random.Random(3).randbytes(3 * 1700 * 1700))
    picture = read(noise)
    assert len(picture.data) > 8_000_000
    image = parsed(as_svg(picture, FOUND)).find(f"{SVG}image")
    assert len(image.get(LINK)) < 10_000_000 and image.get("width") == image.get("height") == "1700"
    assert read(base64.b64decode(image.get(LINK).partition(",")[2])).mime == "image/jpeg"


# annotations


def test_coco_is_read_and_indexed_by_its_own_reader(coco):
    other = blank(50, 80)
    loaded = coco(as_coco([("a.png", PICTURE, FOUND), ("b.jpg", other, [ring("plate"), box(0, 0, 1, 1, " "), box(0, 0, 0.5, 1, "dog")]),
                           ("c.png", other, [])]))  # fmt: skip
    assert [(image["file_name"], image["width"], image["height"]) for image in loaded.loadImgs(loaded.getImgIds())] == [
        ("a.png", 200, 100), ("b.jpg", 50, 80), ("c.png", 50, 80)]  # fmt: skip
    assert [(c["id"], c["name"]) for c in loaded.loadCats(loaded.getCatIds())] == [
        (1, "cup"),
        (2, "plate"),
        (3, "region"),
        (4, "dog"),
    ]
    assert loaded.getAnnIds() == [1, 2, 3, 4, 5, 6] and loaded.getAnnIds(imgIds=[3]) == []
    assert loaded.getImgIds(catIds=loaded.getCatIds(catNms=["plate"])) and loaded.getAnnIds(
        catIds=[1]
    ) == [1, 3]
    whole = loaded.loadAnns([5])[0]
    assert whole["bbox"] == [0, 0, 50, 80] and whole["area"] == 4000 and whole["iscrowd"] == 0
    assert whole["segmentation"] == [[0, 0, 50, 0, 50, 80, 0, 80]]
    cup = loaded.loadAnns([1])[0]
    assert cup["bbox"] == pytest.approx([20, 20, 80, 40]) and cup["area"] == pytest.approx(3200)


@pytest.mark.parametrize("size", [(640, 480), (97, 301), (1, 1)], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_cocos_masks_are_ours(coco, size, seed):
    """COCO's own rasteriser, region by region and all together, marks the pixels that `as_mask` marks."""
    chance, picture = random.Random(seed), blank(*size)
    star = [(0.1 + 0.4 * chance.random(), 2 * math.pi * t / 17) for t in range(17)]
    regions = [Region("star", tuple((0.5 + r * math.cos(t), 0.5 + r * math.sin(t)) for r, t in star)), ring(),
               box(*(chance.random() * 0.5 for _ in "xy"), *(0.5 + chance.random() * 0.5 for _ in "xy"))]  # fmt: skip
    loaded = coco(as_coco([("picture.png", picture, regions)]))
    union = Image.new("L", size)
    for annotation, region in zip(loaded.loadAnns(loaded.getAnnIds()), regions, strict=True):
        theirs = Image.fromarray(loaded.annToMask(annotation) * 255)
        assert (
            theirs.size == size
            and differing(theirs, opened(as_mask(picture, [region]))) <= 0.01 * size[0] * size[1]
        )
        union = ImageChops.lighter(union, theirs)
        if region.label == "ring" and min(size) > 50:
            marked = opened(as_mask(picture, [region])).histogram()[255]
            assert marked == pytest.approx(annotation["area"], rel=0.01)
    assert differing(union, opened(as_mask(picture, regions))) <= 0.01 * size[0] * size[1]


def differing(one, other):
    """How many pixels differ between two masks."""
    return one.size[0] * one.size[1] - ImageChops.difference(one, other).histogram()[0]


@pytest.mark.parametrize("outline", PLACELESS.values(), ids=PLACELESS)
def test_what_has_no_area_is_left_out_of_coco(coco, outline):
    data = as_coco(
        [
            (
                "a.png",
                PICTURE,
                [
                    Region("ghost", outline),
                    box(0.1, 0.1, 0.5, 0.5, "cup"),
                    Region("ghost", outline, True),
                ],
            )
        ]
    )
    loaded = coco(data)
    assert [annotation["id"] for annotation in data["annotations"]] == [1]
    assert [category["name"] for category in data["categories"]] == ["cup"]
    assert loaded.annToMask(loaded.loadAnns([1])[0]).sum() == 80 * 40


@pytest.mark.parametrize("label", HOSTILE, ids=lambda label: ascii(label[:20]))
def test_any_label_is_a_category(coco, label):
    loaded = coco(as_coco([("a.png", PICTURE, [box(0, 0, 1, 1, label)])]))
    (category,) = loaded.loadCats(loaded.getCatIds())
    assert category["name"].strip() and not FORBIDDEN.search(category["name"])


def test_a_mask_is_exact():
    mask = as_mask(blank(10, 10), [box(0.2, 0.3, 0.5, 0.7), box(0.5, 0.3, 0.6, 0.7, is_mask=True)])
    image = opened(mask)
    assert mask.mime == "image/png" and image.mode == "L" and image.size == (10, 10)
    assert (
        set(image.tobytes()) == {0, 255}
        and image.getbbox() == (2, 3, 6, 7)
        and image.histogram()[255] == 16
    )


def test_a_mask_of_nothing_is_black_and_of_everything_is_white():
    for size in ((1, 1), (1, 30), (200, 100)):
        assert set(opened(as_mask(blank(*size), [])).tobytes()) == {0}
        assert set(opened(as_mask(blank(*size), [box(0, 0, 1, 1)])).tobytes()) == {255}
        assert set(opened(as_mask(blank(*size), [box(-5, -5, 1e300, 5)])).tobytes()) == {255}


# tables


def test_a_table_is_read_back():
    rows = (("Year", 'say "no", twice', "a\nb"), ("2024", "-3.5", ""), ("Straße; 日本", "12 %"))
    text = as_csv(Answer("| |", rows=rows), None)
    assert lines(text) == [list(row) for row in rows] and text.endswith("\r\n")


def test_regions_are_a_line_each():
    ghost = Region("ghost, really", ((NAN, 0.5),))
    text = as_csv(
        Answer("", (*FOUND, ghost, Region("edge", ((INF, 0.0), (0.25, 0.5), (7.0, -1.0))))), PICTURE
    )
    head, *rows = lines(text)
    assert head == ["label", "left", "top", "right", "bottom", "outline"]
    assert rows[0] == ["cup", "20", "20", "100", "60", "20,20 100,20 100,60 20,60"]
    assert rows[3:] == [
        ["ghost, really", "", "", "", "", ""],
        ["edge", "50", "0", "200", "50", "50,50 200,0"],
    ]
    for row, region in zip(rows, FOUND):
        points = [tuple(map(float, pair.split(","))) for pair in row[5].split()]
        assert points == [pytest.approx((x * 200, y * 100), abs=6e-4) for x, y in region.outline]
        xs, ys = zip(*points)
        assert [float(cell) for cell in row[1:5]] == [min(xs), min(ys), max(xs), max(ys)]
    assert lines(as_csv(Answer(""), PICTURE)) == [head]


@pytest.mark.parametrize("cell", ["=1+1", "=cmd|'/c calc'!A1", "+1+1", "+cmd", "-1-1", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\tx",
                                  "\r=1", "\n=1", " =1", "\u00a0=1", "\0=1", "\u202e=1", "\x1b=1", "＝1+1", "＋1", "－x", "＠A", "-", "+", "--5",
                                  "-3.5x", "+-1", "-1e", "-(3)", "-A1", "-1/0", "-٣", "-5%%", '=HYPERLINK("http://x","y")'])  # fmt: skip
def test_no_cell_is_computed(cell):
    for answer in (
        Answer("", rows=((cell, "a"), ("b", cell))),
        Answer("", (box(0, 0, 1, 1, cell),)),
    ):
        found = [cell for line in lines(as_csv(answer, PICTURE)) for cell in line]
        guarded = [cell for cell in found if cell.startswith("'")]
        assert len(guarded) == (2 if answer.rows else 1)
        assert guarded[0] == "'" + FORBIDDEN.sub("", cell)
        assert not any(cell[:1] in tuple("=+-@\t\r\n") for cell in found if cell)


@pytest.mark.parametrize(
    "cell",
    [
        "-3.5",
        "+5",
        "-0",
        "-.5",
        "-5%",
        "-1e-9",
        "+2.5E6",
        "-1,234.5",
        " -3.5",
        "3.5",
        "a=b",
        "x-1",
        "it's",
        "'",
    ],
)
def test_numbers_and_words_stay_as_they_are(cell):
    assert lines(as_csv(Answer("", rows=((cell,),)), None)) == [[cell]]


def test_a_cell_cannot_leave_its_quotes():
    cells = ['a",=1+1,"', 'x"\r\n=1+1', '""', ",", "\r", "", "a\n", '"\n"']
    assert lines(as_csv(Answer("", rows=(tuple(cells), ("",), ())), None)) == [
        [*cells[:4], "'\r", *cells[5:]],
        [""],
        [],
    ]


def rendered(text):
    """The cells of a Markdown table as a reader shows them; all that is around them must be a table."""
    shown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    rows = re.findall("<tr>(.*?)</tr>", shown, re.DOTALL)
    rest = re.sub("</?(table|thead|tbody|tr|th|td)>", "", shown)
    assert "<" not in rest and shown.count("<table>") == 1, shown
    return [
        [html.unescape(cell) for cell in re.findall("<t[hd]>(.*?)</t[hd]>", row)] for row in rows
    ]


MARKUP = [
    "a|b", "|", "\\|", "\\", "a\\", "*bold*", "**x**", "_x_", "a_b_c", "`code`", "``", "~~gone~~", "<b>b</b>", "<script>alert(1)</script>",
    "<!--", "&amp;", "&lt;b&gt;", "&#124;", "[a](http://example.org)", "![x](y.png)", "[a]: http://example.org", "<http://example.org>",
    "http://example.org/x", "www.example.org", "me@example.org", "# head", "- item", "1. item", "> said", "---", "--- | ---", ":-:",
    "$x^2$", "a\nb", "a\r\n\r\nb", "a\n| --- |\nb", "\u2028", "\t", "  two  spaces  ", "\x1b[31mred", "\u202eexe", "日本", "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("cell", MARKUP, ids=lambda cell: ascii(cell[:20]))
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)])
def test_no_cell_of_a_markdown_table_acts_as_markup(cell, place):
    rows = [["Line", "Length"], ["Coast", "128"], ["Valley", "64"]]
    rows[place[0]][place[1]] = cell
    found = rendered(as_markdown(rows))
    rows[place[0]][place[1]] = " ".join(FORBIDDEN.sub("", cell).split())
    assert found == rows


@pytest.mark.parametrize("cell", ["www.example.org", "http://example.org", "HTTPS://EXAMPLE.ORG/a", "ftp://a.b", "me@example.org"])  # fmt: skip
def test_no_address_in_a_markdown_table_becomes_a_link(cell):
    """GitHub links bare addresses too: a sign of it is escaped."""
    assert re.search(r"\\[.:@]", as_markdown([["a"], [cell]]))


@pytest.mark.parametrize("cell", ["12.8", "-128", "1,200.50", "12 %", "+3", "1e-9", "21 000", "10:30", "3.5.2024", ".5", "−4"])  # fmt: skip
def test_numbers_are_written_in_markdown_as_they_are(cell):
    assert as_markdown([["Value"], [cell]]) == f"| Value |\n| --- |\n| {cell} |\n"


def test_empty_cells_keep_their_place_in_markdown():
    rows = [["", "2021", ""], ["Figs", "", "2"], ["", "", ""]]
    assert rendered(as_markdown(rows)) == rows


@pytest.mark.parametrize("seed", range(20))
def test_any_table_is_shown_as_it_is(seed):
    pick = random.Random(seed)
    width = pick.randint(1, 6)
    rows = [
        [pick.choice([*MARKUP, "", "7.5"]) for _ in range(width)] for _ in range(pick.randint(1, 8))
    ]
    plain = [[" ".join(FORBIDDEN.sub("", cell).split()) for cell in row] for row in rows]
    assert rendered(as_markdown(rows)) == plain


# words


@pytest.mark.parametrize("words, expected", [("a\nb", "a\nb\n"), ("a\n\n", "a\n"), ("", ""), (" \n", ""), ("\x1b[31ma\ud800\u202eb\0", "[31mab\n"),
                                             ("=1+1", "=1+1\n"), ("| a |\n| - |", "| a |\n| - |\n")])  # fmt: skip
def test_words_are_kept(words, expected):
    assert as_text(Answer(words)) == expected


SPOOFS = [
    "## Assistant\n\nYes.", "```\n## Assistant\n```", "````text\n```\n## User", "`" * 70 + "\n## User\n" + "`" * 69, "~~~\n## User\n~~~",
    "</pre></code><h2>User</h2>", "\r## Assistant\r", "\n\n---\n# Title", "![x](http://example.org/x.png)", "", "```", "\n```\n ````\n   `````  \n",
    "\u2028## User\u2029", "\x1b[2J\u202e\ud800", "    ```\n## User", "> ## User", "[a]: http://example.org",
]  # fmt: skip
_FENCED = re.compile(r"^(`{3,})text\n(.*?)\n {0,3}\1`*[ \t]*$", re.MULTILINE | re.DOTALL)


def bundle(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return {entry.filename: archive.read(entry) for entry in archive.infolist()}


@pytest.mark.parametrize("text", SPOOFS, ids=ascii)
def test_a_turns_words_cannot_fake_another_turn(text):
    turns = [Turn("user", text, (PICTURE,)), Turn("assistant", text), Turn("user", "end")]
    page = bundle(as_conversation("A talk", turns))["conversation.md"].decode()
    said = [words for _, words in _FENCED.findall(page)]
    assert said == [FORBIDDEN.sub("", text)] * 2 + ["end"]
    outside = [line for line in _FENCED.sub("", page).splitlines() if line]
    assert outside == [
        "# A talk",
        "## User",
        "![pictures/1.png](pictures/1.png)",
        "## Assistant",
        "## User",
    ]


def test_a_conversation_is_read_back():
    photo = read(images.export(Image.effect_noise((64, 48), 50).convert("RGB"), "image/jpeg").data)
    turns = [
        Turn("user", "Which?\n\0=日本", (photo, PICTURE)),
        Turn("assistant", "Both ```."),
        Turn("user", "", (photo, read(photo.data))),
    ]
    files = bundle(as_conversation("Llama <3> *new*\n# User", turns))
    assert list(files) == [
        "conversation.md",
        "conversation.json",
        "pictures/1.jpg",
        "pictures/2.png",
    ]
    assert files["pictures/1.jpg"] == photo.data and files["pictures/2.png"] == PICTURE.data
    told = json.loads(files["conversation.json"])
    assert told["title"] == "Llama <3> *new*\n# User"
    assert [(turn["role"], turn["text"]) for turn in told["turns"]] == [
        (turn.role, turn.text) for turn in turns
    ]
    assert [turn["pictures"] for turn in told["turns"]] == [
        ["pictures/1.jpg", "pictures/2.png"],
        [],
        ["pictures/1.jpg"] * 2,
    ]
    page = files["conversation.md"].decode()
    assert page.startswith("# Llama \\<3\\> \\*new\\* \\# User\n") and set(
        re.findall(r"\]\((.*?)\)", page)
    ) <= set(files)


def test_a_conversation_can_be_unpacked_and_is_the_same_each_time():
    turns = [Turn("user", "half \ud800", (PICTURE,)), Turn("assistant", "yes")]
    data = as_conversation("t", turns)
    assert data == as_conversation("t", list(turns))
    for entry in zipfile.ZipFile(io.BytesIO(data)).infolist():
        assert (
            entry.external_attr >> 16 == 0o644
            and entry.date_time[0] == 1980
            and not entry.filename.startswith(("/", ".."))
        )
    assert (
        bundle(as_conversation("a\ud800\x1b[2J\u202eb\n\n## User", []))["conversation.md"]
        == rb"# a\[2Jb \#\# User" + b"\n"
    )
    assert list(bundle(as_conversation("", []))) == ["conversation.md", "conversation.json"]


# the formats together

ROWS = (("a", "b"), ("1", "2"))


def test_formats_are_what_they_say():
    answer, tabled = Answer("a cup", FOUND), Answer("a cup", FOUND, ROWS)
    files = {
        name: write(PICTURE, tabled if name == "Markdown" else answer)
        for name, (_, _, write) in FORMATS.items()
    }
    assert list(files) == [
        "PNG",
        "SVG",
        "Web page",
        "COCO",
        "YOLO",
        "Pascal VOC",
        "CSV",
        "Markdown",
        "Text",
        "Mask",
    ]
    assert [format.extension for format in FORMATS.values()] == [
        "png",
        "svg",
        "html",
        "json",
        "zip",
        "xml",
        "csv",
        "md",
        "txt",
        "png",
    ]
    assert [format.mime for format in FORMATS.values()] == [
        "image/png",
        "image/svg+xml",
        "text/html",
        "application/json",
        "application/zip",
        "application/xml",
        "text/csv",
        "text/markdown",
        "text/plain",
        "image/png",
    ]
    assert (
        files["PNG"] == as_png(PICTURE, FOUND).data
        and files["Mask"] == as_mask(PICTURE, FOUND).data
    )
    assert files["SVG"].decode() == as_svg(PICTURE, FOUND) and files["Text"] == b"a cup\n"
    assert json.loads(files["COCO"]) == as_coco([("picture.png", PICTURE, FOUND)])
    assert files["CSV"].decode("utf-8-sig") == as_csv(answer, PICTURE) and files["CSV"].startswith(
        b"\xef\xbb\xbf"
    )
    assert (
        files["Markdown"].decode() == as_markdown(ROWS) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )
    for name, data in files.items():
        again = FORMATS[name].write(PICTURE, tabled if name == "Markdown" else answer)
        assert again == data, "not the same bytes again"


@pytest.mark.parametrize(
    "picture, answer, refused",
    [
        (PICTURE, Answer("words"), {"Markdown", "COCO", "YOLO", "Pascal VOC", "CSV", "Mask"}),
        (PICTURE, Answer("words", rows=ROWS), {"COCO", "YOLO", "Pascal VOC", "Mask"}),
        (PICTURE, Answer("", FOUND), {"Markdown", "Text"}),
        (
            PICTURE,
            Answer(" \n\0", ()),
            {"Markdown", "COCO", "YOLO", "Pascal VOC", "CSV", "Mask", "Text"},
        ),
        (
            None,
            Answer("words"),
            {"Markdown", "PNG", "SVG", "Web page", "COCO", "YOLO", "Pascal VOC", "CSV", "Mask"},
        ),
        (
            None,
            Answer("words", rows=ROWS),
            {"PNG", "SVG", "Web page", "COCO", "YOLO", "Pascal VOC", "Mask"},
        ),
        (
            None,
            Answer("words", FOUND),
            {"Markdown", "PNG", "SVG", "Web page", "COCO", "YOLO", "Pascal VOC", "CSV", "Mask"},
        ),
        (None, Answer(""), set(FORMATS)),
    ],
)
def test_a_format_that_the_answer_has_nothing_for_is_a_sentence(picture, answer, refused):
    for name, format in FORMATS.items():
        if name in refused:
            with pytest.raises(BadPrompt, match=r"^[A-Z].*\. [A-Z].*\.$"):
                format.write(picture, answer)
        else:
            assert format.write(picture, answer)


@pytest.mark.parametrize("size", [(1, 1), (200, 100)], ids=str)
@pytest.mark.parametrize("outline", PLACELESS.values(), ids=PLACELESS)
def test_every_format_takes_every_outline(outline, size):
    answer = Answer(
        "words",
        (Region("ghost", outline), Region("\ud800<&", outline, True), box(0, 0, 1, 1, "all")),
    )
    formats = {name: format for name, format in FORMATS.items() if name != "Markdown"}
    files = {name: format.write(blank(*size), answer) for name, format in formats.items()}
    assert not re.search(
        r"\b(nan|inf|infinity)\b",
        files["SVG"].decode() + files["COCO"].decode() + files["CSV"].decode(),
        re.I,
    )
    assert opened(read(files["Mask"])).getextrema() == (255, 255)
    assert len(lines(files["CSV"].decode("utf-8-sig"))) == 4, "a label was lost"
    for shape in parsed(files["SVG"].decode()).iter(f"{SVG}polygon"):
        for pair in shape.get("points").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= size[0] and 0 <= y <= size[1]


def test_thousands_of_regions_are_written(coco):
    many = tuple(
        box(i % 60 / 60, i // 60 / 60, (i % 60 + 1) / 60, (i // 60 + 1) / 60, f"label {i % 90}")
        for i in range(3600)
    )
    picture, answer = blank(600, 600), Answer("many", many)
    loaded = coco(json.loads(FORMATS["COCO"].write(picture, answer)))
    assert len(loaded.getAnnIds()) == 3600 and len(loaded.getCatIds()) == 90
    assert sum(
        annotation["area"] for annotation in loaded.loadAnns(loaded.getAnnIds())
    ) == pytest.approx(600 * 600)
    assert len(list(parsed(as_svg(picture, many)).iter(f"{SVG}polygon"))) == 3600
    assert len(lines(as_csv(answer, picture))) == 3601
    assert opened(as_mask(picture, many)).getextrema() == (255, 255), "neighbours leave a gap"


# how sure an engine is of a region

SCORED = (box(0.1, 0.2, 0.5, 0.6, "cup")._replace(score=0.934), box(0.6, 0.1, 0.9, 0.4, "ü, cup"))


def test_scores_are_in_every_file_of_places(coco):
    found = coco(as_coco([("a.png", PICTURE, SCORED)]))
    assert [found.anns[i].get("score") for i in (1, 2)] == [0.934, None]
    header, first, second = lines(as_csv(Answer("", SCORED), PICTURE))
    assert header[-1] == "score" and [first[-1], second[-1]] == ["0.934", ""]
    assert "cup 93%" in as_svg(PICTURE, SCORED) and "ü, cup" in as_svg(PICTURE, SCORED)
    assert as_png(PICTURE, SCORED) != as_png(PICTURE, FOUND)


def test_without_scores_files_have_no_column_for_them():
    assert lines(as_csv(Answer("", FOUND), PICTURE))[0][-1] == "outline"
    assert all("score" not in each for each in as_coco([("a", PICTURE, FOUND)])["annotations"])
    assert "predictions/picture.txt" not in bundle(as_yolo(PICTURE, FOUND))


def test_yolo_has_the_picture_its_boxes_and_their_names():
    files = bundle(as_yolo(PICTURE, SCORED))
    assert list(files) == [
        "data.yaml",
        "images/picture.png",
        "labels/picture.txt",
        "predictions/picture.txt",
    ]
    assert files["images/picture.png"] == PICTURE.data
    rows = [line.split() for line in files["labels/picture.txt"].decode().splitlines()]
    assert [[float(value) for value in row] for row in rows] == [
        [0, 0.3, 0.4, 0.4, 0.4],
        [1, 0.75, 0.25, 0.3, 0.3],
    ]
    scored = files["predictions/picture.txt"].decode().splitlines()
    assert [row.split()[-1] for row in scored] == ["0.93400"]
    names = re.search("names: (.*)", files["data.yaml"].decode())[1]
    assert json.loads(names) == {"0": "cup", "1": "ü, cup"}


def test_yolo_with_a_mask_has_outlines_only():
    rows = bundle(as_yolo(PICTURE, FOUND))["labels/picture.txt"].decode().splitlines()
    assert [len(row.split()) for row in rows] == [9, 81, 9]  # a class, and points
    assert rows[0].split()[1:] == ["0.100000", "0.200000", "0.500000", "0.200000"] + [
        "0.500000", "0.600000", "0.100000", "0.600000",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", PLACELESS.values(), ids=PLACELESS)
def test_yolo_of_regions_without_a_place(shape):
    text = bundle(as_yolo(PICTURE, (Region("a", shape),)))["labels/picture.txt"].decode()
    assert all(0 <= float(value) <= 1 for line in text.splitlines() for value in line.split())


# Pascal VOC


def objects(voc):
    """Return what torchvision's reader makes of each object: its name, and its four sides."""
    root = ElementTree.fromstring(voc)
    sides = ("xmin", "ymin", "xmax", "ymax")
    return root, [
        (each.findtext("name"), *(int(each.findtext(f"bndbox/{side}")) for side in sides))
        for each in root.iter("object")
    ]


def test_voc_counts_pixels_from_one_and_names_the_file():
    root, found = objects(as_voc("my cup.png", PICTURE, SCORED))
    assert found == [("cup", 21, 21, 100, 60), ("ü, cup", 121, 11, 180, 40)]  # of 200 × 100
    assert root.findtext("filename") == "my cup.png"
    assert [root.findtext(f"size/{side}") for side in ("width", "height", "depth")] == [
        "200", "100", "3",
    ]  # fmt: skip
    assert [each.findtext("score") for each in root.iter("object")] == ["0.934", None]


def test_voc_has_the_outline_of_a_mask_only():
    root, _ = objects(as_voc("a.png", PICTURE, FOUND))
    assert [len(each.findall("polygon/*")) for each in root.iter("object")] == [0, 80, 0]


@pytest.mark.parametrize("size", [(1, 1), (200, 100)], ids=str)
@pytest.mark.parametrize("shape", PLACELESS.values(), ids=PLACELESS)
def test_a_box_of_voc_is_inside_the_picture_and_has_a_pixel(shape, size):
    regions = (Region("<&\ud800\0", shape), Region("", shape, True))
    _, found = objects(as_voc("a.png", blank(*size), regions))
    for name, left, top, right, bottom in found:
        assert 1 <= left <= right <= size[0] and 1 <= top <= bottom <= size[1] and name


@pytest.mark.parametrize("label", ["]]>", "<object>", "&lt;", "a\nb", "\ud83d", "ü 面 \x1b[0m"])
def test_a_label_is_only_a_label_in_voc(label):
    root, found = objects(as_voc(f"{label}.png", PICTURE, (box(0, 0, 1, 1, label),)))
    assert len(found) == 1 and root.findtext("filename").endswith(".png")


# one page of HTML


class Tags(HTMLParser):
    """The tags of a page, with their attributes, and its words."""

    def __init__(self, page):
        super().__init__()
        self.found, self.words = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


HOSTILE = (
    "</pre><script>alert(1)</script>",
    "<img src=https://evil.example/x.png onerror=alert(1)>",
    "</title><svg onload=alert(1)>",
    "\ud800\0 & < > \" '",
)


@pytest.mark.parametrize("words", HOSTILE)
def test_a_page_runs_nothing_and_loads_nothing(words):
    answer = Answer(words, (box(0, 0, 0.5, 1, words),), ((words, "b"), ("1", words)), note=words)
    tags = Tags(as_page(PICTURE, answer, words)).found
    assert {tag for tag, _ in tags} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "svg", "image", "g", "polygon"),
        *("text", "rect", "pre", "section", "ol", "li", "i", "table", "thead", "tbody", "tr"),
        *("th", "td", "footer", "p"),
    }
    for tag, attributes in tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "data:").startswith("data:"), tag
    policy = next(each["content"] for _, each in tags if "http-equiv" in each)
    assert policy.startswith("default-src 'none'")


def test_a_page_has_all_of_the_answer():
    found = (box(0.1, 0.2, 0.5, 0.6, "cup")._replace(score=0.934), ring("a ring"))
    answer = Answer("two things", found, (("a", "b"), ("1", "2")), note="By the built-in tools.")
    page = Tags(as_page(PICTURE, answer, "My cup"))
    words = " ".join(page.words)
    for part in ("My cup", "two things", "cup 93%", "a ring", "By the built-in tools."):
        assert part in words
    assert [tag for tag, _ in page.found].count("polygon") == 2
    assert [tag for tag, _ in page.found if tag in ("th", "td")] == ["th", "th", "td", "td"]


def test_a_page_says_how_many_regions_it_does_not_list():
    page = Tags(as_page(PICTURE, Answer("", (box(0, 0, 1, 1),) * 503)))
    assert [tag for tag, _ in page.found].count("li") == 500
    assert "3 more are in the picture." in page.words
