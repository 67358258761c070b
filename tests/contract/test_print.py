"""Print is read whole, in its order and the way it runs; what is not read well is said and never sure."""

import difflib
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.support.builtin_runs import picture, run
from tests.support.chart_pictures import font
from tests.support.code_pictures import bars, qr
from tests.support.paths import ASSETS
from tests.support.print_pictures import cjk_font, rows, sheet, turned, upright_columns
from vlm_backends import CancelToken, Embedded, Prompt, Turn, ask, find_model, read
from vlm_backends.engines.builtin import ocr

STAIRS = [
    "The stairs are closed for repairs.",
    "Take the lift beside the café.",
    "Tickets cost £7.50 for adults",
    "and nothing below the age of six.",
]
GARDEN = [
    "Water the tomatoes before noon.",
    "Bring back the key to room 14B.",
    "Bees live behind the green shed,",
    "please keep the path free.",
]


def found(word, image):
    """The boxes of a word in pixels: left, top, right, bottom."""
    regions = run("<OPEN_VOCABULARY_DETECTION>", image, word).regions
    corners = [
        [(x * image.width, y * image.height) for x, y in region.outline] for region in regions
    ]
    return [
        (min(x for x, _ in c), min(y for _, y in c), max(x for x, _ in c), max(y for _, y in c))
        for c in corners
    ]


def slow(*values, quick=()):
    """Parameters that are all slow but for some."""
    return [
        value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values
    ]


def test_what_is_missing_or_doubtful_is_never_among_the_sentences_that_may_be_folded():
    llama, sign = find_model("meta/llama-3.2-11b-vision-instruct"), read(ASSETS / "sign.jpg")
    reply = ask(Embedded(), llama, Prompt((Turn("user", "What is it?", (sign, sign)),)))
    *_, answer = reply
    at_once = answer.note
    for sentence in answer.method:
        assert sentence in answer.note
        at_once = at_once.replace(sentence, "")
    assert "list of findings" in at_once and "Confidence" in at_once
    assert "Only the last of 2 pictures was looked at." in at_once
    assert "Latin" not in at_once and "NVIDIA key" not in at_once


# --- the way that print runs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "degrees", slow(0, 8, 30, 60, 90, 120, 175, 180, 240, 270, 330, quick=(180,))
)
@pytest.mark.parametrize(
    "lines, size", [(STAIRS, 26), pytest.param(GARDEN, 40, marks=pytest.mark.slow)]
)
def test_a_turned_page_is_read_as_if_it_were_upright(lines, size, degrees):
    assert run("<OCR>", turned(sheet(lines, size), degrees)).text.split("\n") == lines


@pytest.mark.parametrize("degrees", slow(0, 90, 180, 270, quick=(270,)))
@pytest.mark.parametrize(
    "lines, word", [(STAIRS, "lift"), pytest.param(GARDEN, "tomatoes", marks=pytest.mark.slow)]
)
def test_the_place_of_a_word_follows_the_print(lines, word, degrees):
    image = sheet(lines)
    (box,) = found(word, turned(image, degrees))
    row = next(i for i, line in enumerate(lines) if word in line)
    start = 30 + font(26).getlength(lines[row].partition(word)[0])
    left, right, middle = start, start + font(26).getlength(word), 30 + (row * 1.6 + 0.55) * 26
    width, height = image.size
    corners = {
        0: (left, middle, right, middle),
        90: (height - middle, left, height - middle, right),
        180: (width - right, height - middle, width - left, height - middle),
        270: (middle, width - right, middle, width - left),
    }[degrees]
    assert box[0] - 22 < corners[0] < box[0] + 30 and box[1] - 22 < corners[1] < box[1] + 30
    assert box[2] - 30 < corners[2] < box[2] + 22 and box[3] - 30 < corners[3] < box[3] + 22


def seven_segments(text: str, height=100) -> Image.Image:
    """A display of bars, which reads as another number upside down."""
    bars = {"0": "abcdef", "1": "bc", "2": "abdeg", "5": "acdfg", "6": "acdefg", "8": "abcdefg", "9": "abcdfg"}  # fmt: skip
    ends = {"a": (0, 0, 2, 0), "b": (2, 0, 2, 2), "c": (2, 2, 2, 4), "d": (0, 4, 2, 4), "e": (0, 2, 0, 4), "f": (0, 0, 0, 2), "g": (0, 2, 2, 2)}  # fmt: skip
    image = Image.new("RGB", (int(0.85 * height * len(text)) + 100, 2 * height), "black")
    pen, unit = ImageDraw.Draw(image), height // 4
    for i, char in enumerate(text):
        x, y = 70 + 0.85 * height * i, height // 2
        for x0, y0, x1, y1 in (ends[bar] for bar in bars.get(char, "")):
            pen.line((x + x0 * unit, y + y0 * unit, x + x1 * unit, y + y1 * unit), "red", 12)
        for dot in (1, 3) if char == ":" else ():
            pen.ellipse((x + 20, y + dot * unit - 8, x + 36, y + dot * unit + 8), "red")
    return image


@pytest.mark.parametrize("text", ["12:58", "20:51", "05:12", "1258", "9:25"])
def test_digits_that_read_both_ways_are_taken_as_they_stand(text):
    lines = ocr.read_lines(np.asarray(seven_segments(text)))
    assert [line.text.replace(" ", "") for line in lines] == [text]


@pytest.mark.parametrize(
    "lines", [["16.09"], ["6.50", "8.90", "11.25"], ["8.90"], ["0612 559 118"]]
)
def test_digits_that_are_read_upside_down_are_not_sure(lines):
    page = sheet(lines, 40)
    assert [line.text for line in ocr.read_lines(np.asarray(page))] == lines
    assert ocr.read_lines(np.asarray(turned(page, 180))) == []


@pytest.mark.slow
def test_each_line_of_a_mixed_page_keeps_its_own_direction():
    image = Image.new("RGB", (900, 620), "white")
    image.paste(sheet(STAIRS), (120, 40))
    for text, degrees, place in [("Approved by the board", 270, (10, 60)), ("Draft of the second plan", 90, (800, 60)),
                                 ("Fold here and turn around", 180, (200, 480))]:  # fmt: skip
        image.paste(turned(sheet([text], 24, pad=8), degrees), place)
    regions = {region.label: region.outline for region in run("<OCR_WITH_REGION>", image).regions}
    assert list(regions)[:5] == [*STAIRS, "Fold here and turn around"]
    ways = {
        "Approved by the board": -90,
        "Draft of the second plan": 90,
        "Fold here and turn around": 180,
        STAIRS[0]: 0,
    }
    for text, way in ways.items():
        (x0, y0), (x1, y1) = regions[text][:2]
        angle = math.degrees(math.atan2((y1 - y0) * image.height, (x1 - x0) * image.width))
        assert abs((angle - way + 180) % 360 - 180) < 5, text


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0, 180])
@pytest.mark.parametrize("seed", range(4))
def test_no_line_is_lost(seed, degrees):
    """The direction classifier of before lost 31 of 160 lines that were upside down."""
    rng = np.random.default_rng(seed)
    words = [
        "harbour",
        "bakery",
        "valve",
        "ticket",
        "garden",
        "museum",
        "library",
        "seed",
        "lantern",
        "bridge",
        "opens",
        "closes",
        "keeps",
        "near",
        "before",
        "after",
        "without",
        "thirty",
    ]
    lines = [
        " ".join(rng.choice(words, 6)).capitalize() + rng.choice([".", ":", " 17:30", " €4.50"])
        for _ in range(10)
    ]
    size, ink, paper = (
        int(rng.choice([18, 24, 32])),
        *[("black", "white"), ("#e8e8e8", "#202428"), ("#224488", "#f4f0e6")][seed % 3],
    )
    image = sheet(lines, size, ink, paper).rotate(degrees)
    assert [line.text for line in ocr.read_lines(np.asarray(image))] == lines


# --- rows and columns ------------------------------------------------------------------------------

PRICES = [
    ("Bread", "$3.20"),
    ("Cheese and ham", "$12.00"),
    ("Butter 250 g", "$4.05"),
    ("TOTAL", "$19.25"),
]
FORM = [("Passenger", "Anna-Maria Berg"), ("Date of the journey", "3 May 2025"), ("Seat", "14C")]


@pytest.mark.parametrize("cells", [PRICES, pytest.param(FORM, marks=pytest.mark.slow)])
def test_a_row_is_a_line_and_each_piece_keeps_its_place(cells):
    answer = run("<OCR_WITH_REGION>", rows(cells, (40, 660)))
    assert answer.text.split("\n") == ["   ".join(row) for row in cells]
    assert [region.label for region in answer.regions] == [text for row in cells for text in row]
    assert all(answer.text[slice(*region.span)] == region.label for region in answer.regions)


@pytest.mark.slow
@pytest.mark.parametrize(
    "title, footer", [("Harbour News", "page 3"), ("Letters", "printed in Bergen")]
)
def test_columns_stay_columns_below_a_short_heading(title, footer):
    image = Image.new("RGB", (1100, 480), "white")
    for x, lines in ((0, STAIRS), (560, GARDEN)):
        image.paste(sheet(lines), (x, 90))
    pen = ImageDraw.Draw(image)
    pen.text((250, 30), title, "black", font(40), "ma")
    pen.text((800, 420), footer, "black", font(20), "ma")
    assert run("<OCR>", image).text.split("\n") == [title, *STAIRS, *GARDEN, footer]


# --- the size of the picture -----------------------------------------------------------------------


@pytest.mark.parametrize("size, letters, text", [
    ((900, 180), 62, "NO CYCLING 7 AM TO 9 PM"),
    pytest.param((1600, 200), 110, "HARBOUR FESTIVAL 2025", marks=pytest.mark.slow),
    pytest.param((500, 60), 30, "Mind the step, please", marks=pytest.mark.slow),
    pytest.param((240, 40), 14, "Row 12, seats 4 to 9", marks=pytest.mark.slow),
    pytest.param((1500, 600), 300, "EXIT 14", marks=pytest.mark.slow),
    pytest.param((2000, 900), 480, "SALE 5", marks=pytest.mark.slow),
])  # fmt: skip
def test_a_banner_is_one_line_without_a_letter_twice(size, letters, text):
    image = Image.new("RGB", size, "#f4f0e6")
    ImageDraw.Draw(image).text((size[0] / 2, size[1] / 2), text, "#202428", font(letters), "mm")
    assert run("<OCR>", image).text == text


@pytest.mark.slow
def test_a_line_over_several_pieces_of_a_large_picture_is_one_line():
    text = " ".join(f"word {i} of a very long line" for i in range(11))
    image = sheet([text, "and a short one"], 20)
    assert image.width > 2048
    assert run("<OCR>", image).text.split("\n") == [text, "and a short one"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(600, 7000), (7000, 600), (5200, 3900)])
def test_small_print_in_a_large_picture_is_read_once(size):
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    marks = [(x, y) for x in range(30, size[0] - 300, 830) for y in range(30, size[1] - 40, 637)][
        :40
    ]
    texts = [f"Detail no. {i + 100}" for i in range(len(marks))]
    for text, place in zip(texts, marks):
        pen.text(place, text, "black", font(18))
    assert sorted(line.text for line in ocr.read_lines(np.asarray(image))) == texts


def test_a_large_picture_shows_its_progress_and_stops_between_two_pieces():
    image = Image.effect_noise((2800, 500), 90).convert("RGB")
    cancel, seen = CancelToken(), []
    prompt = Prompt((Turn("user", "<OCR>", (picture(image),)),))
    for chunk in Embedded().stream(find_model("microsoft/florence-2"), prompt, cancel):
        seen += [chunk.status] if chunk.status else []
        if seen:
            cancel.set()
    assert seen == ["Looking for print: part 1 of 3…"]


# --- what cannot be read well ----------------------------------------------------------------------

FOREIGN = {
    "Vietnamese": [
        "Chuyến tàu khởi hành lúc bảy giờ",
        "Vui lòng giữ vé đến khi trở về",
        "Đường này đang sửa chữa",
    ],
    "Russian": [
        "Поезд отправляется в семь часов",
        "Сохраняйте билет",
        "ВОКЗАЛ",
        "Касса закрыта на обед",
    ],
    "Ukrainian": ["Потяг вирушає о сьомій", "Їжа та напої заборонені"],
    "Greek": ["Απαγορεύεται το κάπνισμα", "ΕΞΟΔΟΣ", "Κρατήστε το εισιτήριό σας"],
    "Hebrew": ["הרכבת יוצאת בשבע בערב", "נא לשמור את הכרטיס"],
    "Arabic": ["يغادر القطار في الساعة السابعة", "ممنوع التدخين هنا"],
    "Armenian": ["Գնացքը մեկնում է երեկոյան", "Մուտքն արգելված է"],
    "Georgian": ["მატარებელი საღამოს გადის", "შესვლა აკრძალულია"],
}


@pytest.mark.parametrize("script", slow(*FOREIGN, quick=("Vietnamese",)))
def test_print_that_it_cannot_spell_is_never_sure(script):
    for size in (24,) if script == "Vietnamese" else (24, 40):
        answer = run("<OCR>", sheet(FOREIGN[script], size))
        for line in filter(None, answer.text.split("\n")):
            assert line.endswith(" (unsure)") or line in FOREIGN[script]
        assert "not Vietnamese, Cyrillic, Greek" in answer.note and "Confidence" not in answer.note
        assert "VLM_OCR_SCRIPT=cyrillic" in answer.note


@pytest.mark.slow
@pytest.mark.parametrize("script", ["Russian", "Greek"])
def test_a_region_and_a_refused_chart_tell_what_is_unsure(script):
    page = sheet(FOREIGN[script], 30)
    answer = run("<REGION_TO_DESCRIPTION>", page, region=(0.0, 0.0, 1.0, 1.0))
    assert "not Vietnamese, Cyrillic, Greek" in answer.note and "unsure" in answer.text
    prompt = Prompt((Turn("user", "?", (picture(page),)),))
    answer = list(ask(Embedded(), find_model("google/deplot"), prompt))[-1]
    assert answer.text.startswith("No table") and "(unsure)" in answer.text


LATIN = ["Größe: 5 €, Straße gesperrt", "L’été, où êtes-vous né ?", "¿Dónde está la estación?", "Proszę zachować ciszę", "Příliš žluťoučký kůň",
         "Çığ tehlikesi, lütfen geçmeyin", "Não há ligações amanhã", "Smörgås är slut i dag", "Árvíztűrő tükörfúrógép", "Vă rugăm păstrați liniștea",
         "Įėjimas tik su bilietu", "Lūdzu, saglabājiet biļeti", "Palun sulge uks, õues on külm", "Það er bannað að reykja hér", "Čuvajte kartu do kraja",
         "Perché la città è così bella?", "’s Avonds geopend, coördinatie", "Pääsy kielletty, työmaa", "Rødgrød med fløde på øen", "10 µm, 3 Ω, ΔT = 25 °C",
         "AB12CD34EF, H3PO4, 7G-XL", "info@example.org", "eBay & McDonald, iPhone 12", "MOSKAU 340 KM, TOKYO"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "size, ink, paper",
    [(20, "black", "white"), (28, "#e8e8e8", "#202428"), (40, "#224488", "#f4f0e6")],
)
def test_latin_print_is_not_accused(size, ink, paper):
    answer = run("<OCR>", sheet(LATIN, size, ink, paper))
    assert "unsure" not in answer.text + answer.note and "Confidence" in answer.note
    assert len(answer.text.split("\n")) == len(LATIN)


CHINESE, JAPANESE = (
    ["火车晚上七点从三号站台出发", "请保管好您的车票", "图书馆开放时间"],
    ["電車は夜七時に出発します", "コーヒーとサンドイッチ", "東京タワー"],
)
TRADITIONAL = ["火車晚上七點從三號月臺出發", "請勿觸摸展品", "圖書館開放時間"]


@pytest.mark.parametrize(
    "lines",
    [
        JAPANESE,
        pytest.param(CHINESE, marks=pytest.mark.slow),
        pytest.param(TRADITIONAL, marks=pytest.mark.slow),
    ],
)
def test_chinese_and_japanese_are_read(lines):
    answer = run("<OCR>", sheet(lines, 30, face=cjk_font))
    assert answer.text.split("\n") == lines and "Chinese and Japanese" in answer.note


@pytest.mark.parametrize(
    "columns",
    [
        ["名前はまだ無い", "どこで生れたか", "吾輩は猫である"],
        pytest.param(TRADITIONAL, marks=pytest.mark.slow),
    ],
)
def test_vertical_print_is_read_from_the_right(columns):
    answer = run("<OCR_WITH_REGION>", upright_columns(columns))
    assert answer.text.split("\n") == columns
    firsts = [region.outline[0][0] for region in answer.regions]
    assert firsts == sorted(firsts, reverse=True)


@pytest.mark.slow
def test_blurred_print_is_sure_only_where_it_is_nearly_right():
    lines = ["Keep your ticket", "The last ferry to Bergen"]
    for radius in (2.4, 3.2, 4):
        answer = run("<OCR>", sheet(lines, 18).filter(ImageFilter.GaussianBlur(radius)))
        for line in filter(None, answer.text.split("\n")):
            assert line.endswith(" (unsure)") or difflib.get_close_matches(line, lines, 1, 0.85)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cat.jpg", "coffee.jpg", "astronaut.jpg", "rocket.jpg"])
def test_cups_eyes_and_wheels_are_no_print(name):
    for factor in (1, 0.6):
        image = Image.open(ASSETS / name).convert("RGB")
        answer = run("<OCR>", image.resize((int(image.width * factor), int(image.height * factor))))
        assert not answer.text and "no text" in answer.note


def drawn(shape: str, radius: int, ink: str, paper: str) -> Image.Image:
    image = Image.new("RGB", (420, 300), paper)
    pen, line = ImageDraw.Draw(image), max(2, radius // 5)
    box = 210 - radius, 150 - radius, 210 + radius, 150 + radius
    top, left, right = (210, box[1]), (box[0], box[3]), (box[2], box[3])
    pairs = {
        "ring": lambda: pen.ellipse(box, outline=ink, width=line),
        "level": lambda: pen.rectangle((box[0], 150 - line, box[2], 150 + line), ink),
        "upright": lambda: pen.rectangle((210 - line, box[1], 210 + line, box[3]), ink),
        "frame": lambda: pen.rectangle(box, outline=ink, width=line),
        "triangle": lambda: pen.line([top, right, left, top], ink, line),
        "arc": lambda: pen.arc(box, 30, 330, ink, line),
    }
    pairs[shape]()
    return image


@pytest.mark.parametrize("shape", ["ring", "level", "upright", "frame", "triangle", "arc"])
@pytest.mark.parametrize("radius, ink, paper", [(25, "black", "white"), (60, "#c04060", "#c8c8c8")])
def test_a_ball_or_a_stroke_alone_is_no_print(shape, radius, ink, paper):
    assert ocr.read_all(np.asarray(drawn(shape, radius, ink, paper)))[0] == []


@pytest.mark.parametrize("sign, alike", [("0", "0"), ("O", "0O"), ("C", "Cc"), ("Q", "Q")])
def test_a_single_sign_beside_print_is_print(sign, alike):
    image = rows([["Wins", "Draws"], ["11", sign], ["Lost", "7"]], (40, 300), 40)
    assert [line.text for line in ocr.read_lines(np.asarray(image)) if line.text in alike]


# --- codes beside print ----------------------------------------------------------------------------


def beside(print_: Image.Image, *pictures: Image.Image) -> Image.Image:
    """Pictures side by side."""
    all_ = [print_, *pictures]
    image = Image.new("RGB", (sum(one.width for one in all_), max(one.height for one in all_)), "white")  # fmt: skip
    left = 0
    for one in all_:
        image.paste(one, (left, 0))
        left += one.width
    return image


@pytest.mark.parametrize("task", ["<OCR>", "<OCR_WITH_REGION>"])
@pytest.mark.parametrize("pictures, said", [
    ([qr("First code")], "1 QR code is in the picture too: a chat tab reads it."),
    ([qr("First code"), bars("ean13", "400638133393")], "1 EAN-13 barcode and 1 QR code are in the picture too: a chat tab reads them."),
    ([qr("One"), qr("Two")], "2 QR codes are in the picture too: a chat tab reads them."),
    ([], ""),
])  # fmt: skip
def test_a_task_that_reads_print_says_which_codes_are_there(task, pictures, said):
    answer = run(task, beside(sheet(["Order 5531"]), *pictures))
    assert answer.text == "Order 5531"
    assert "places look like" not in answer.note and "place looks like" not in answer.note
    assert answer.note.endswith(said) if said else "chat tab" not in answer.note


def test_a_task_that_reads_print_says_that_a_code_cannot_be_read():
    damaged = qr("https://example.org/seats?row=7&seat=21B", 4)
    ImageDraw.Draw(damaged).rectangle((75, 75, 140, 140), "white")
    answer = run("<OCR>", beside(sheet(["Order 5531"]), damaged))
    assert answer.note.endswith("1 code was seen and could not be read.")


def test_the_pictures_of_the_page_are_read_surely():
    answer = run("<OCR>", read(ASSETS / "sign.jpg"))
    assert "Lake Loop   2.4 km" in answer.text.split("\n") and "unsure" not in answer.text
