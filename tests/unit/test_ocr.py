"""What the reader of print decides without a network: doubts, frames, marks, and recognisers to fetch."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.chart_pictures import font
from vlm_backends import BadPrompt, Embedded, VLMError, find_model, find_task
from vlm_backends.config import OCR_SCRIPTS, Config, ocr_folder
from vlm_backends.engines.builtin import ocr_script
from vlm_backends.engines.builtin.ocr import doubts, frames, marks, scripts
from vlm_backends.engines.builtin.ocr.lines import TextLine
from vlm_backends.engines.builtin.print_notes import describe_doubts, marked

# --- letters that were left out --------------------------------------------------------------------


def strip(text, size=40, ink="black", paper="white"):
    """One line of print, and the middle of each of its characters as fractions of the width."""
    face = font(size)
    image = Image.new("RGB", (int(face.getlength(text)) + 20, int(1.5 * size)), paper)
    ImageDraw.Draw(image).text((10, 5), text, ink, face)
    ends = [10 + face.getlength(text[: i + 1]) for i in range(len(text))]
    starts = [10.0, *ends[:-1]]
    return np.asarray(image)[:, :, ::-1].copy(), [
        (a + b) / 2 / image.width for a, b in zip(starts, ends)
    ]


@pytest.mark.parametrize(
    "colours", [("black", "white"), ("#dddddd", "#102030"), ("#886622", "#f4f0e6")]
)
@pytest.mark.parametrize("text, left_out, share", [
    ("The harbour opens at six", "", 0), ("Straße 14, 3 €", "", 0), ("x = 3.5; y = -7", "", 0), ("• 20 % off!", "", 0),
    ("Chuyến tàu khởi hành", "ếở", 0.05), ("Поезд в семь часов", "Пздвмьч", 0.2), ("Cash 44", "h", 0.05), ("Oslo", "Oslo", 0.8),
])  # fmt: skip
def test_ink_that_no_character_stands_for_is_found(text, left_out, share, colours):
    pixels, stops = strip(text, 40, *colours)
    kept = [(char, stop) for char, stop in zip(text, stops) if char not in left_out]
    found = doubts.unspelled_share(
        doubts.ink_of(pixels), "".join(c for c, _ in kept), [s for _, s in kept]
    )
    assert found == 0 if share == 0 else found >= share


@pytest.mark.parametrize("sign", ["ellipse", "rectangle"])
def test_a_sign_before_the_text_is_no_letter(sign):
    pixels, stops = strip("    Settings")
    image = Image.fromarray(pixels)
    getattr(ImageDraw.Draw(image), sign)((4, 16, 26, 38), fill="black")
    assert doubts.unspelled_share(doubts.ink_of(np.asarray(image)), "Settings", stops[4:]) == 0


def test_a_photograph_has_no_ink():
    rng = np.random.default_rng(4)
    soft = np.asarray(
        Image.fromarray(rng.integers(0, 255, (12, 60, 3), np.uint8)).resize((300, 60))
    )
    assert doubts.ink_of(soft) is None and doubts.unspelled_share(None, "O", [0.5]) == 0
    assert doubts.ink_of(np.full((40, 90, 3), 200, np.uint8)) is None


@pytest.mark.parametrize(
    "text",
    ["Eσoδo", "Kαλημρα", "MOYΣEIO", "Tο τρνο", "BOK3AJI", "nưc mm", "vé đn khi tr vë", "Đưng này"],
)
def test_letters_of_another_alphabet_are_noticed(text):
    assert doubts.holds_other_letters(text)


@pytest.mark.parametrize("text", ["10 µm", "ΔT = 5", "3 kΩ", "μmol", "λmax", "Đakovo, đak", "AB12CD34EF", "H3PO4", "MP3", "TOKYO", "Größe", "7G-XL",
                                  "Čuvajte kartu", "東京タワー", "À bientôt", "T3"])  # fmt: skip
def test_symbols_codes_and_latin_languages_are_not_accused(text):
    assert not doubts.holds_other_letters(text)


# --- the note --------------------------------------------------------------------------------------


def line(score=0.99, sure=True):
    return TextLine("text", score, ((0, 0), (1, 0), (1, 1), (0, 1)), is_sure=sure)


@pytest.mark.parametrize("lines, unread, has, lacks", [
    ([line(), line(0.91)], 0, ["Confidence 91–99%", "Chinese and Japanese."], ["unsure", "could not", "Cyrillic"]),
    ([line(), line(0.7, sure=False)], 0, ["1 of 2 pieces of print is unsure", "not Vietnamese, Cyrillic"], ["Confidence"]),
    ([line(), line(), line()], 1, ["1 place looks", "could not be read", "not Vietnamese, Cyrillic"], ["Confidence", "rest may be wrong"]),
    ([line(), line(0.7, sure=False)], 3, ["3 places look", "rest may be wrong too", "VLM_OCR_SCRIPT=cyrillic"], ["Confidence"]),
    ([], 2, ["2 places look"], ["sure", "rest"]),
    ([], 0, ["Latin script, Chinese and Japanese."], ["sure", "place"]),
])  # fmt: skip
def test_the_note_never_calls_the_rest_sure(lines, unread, has, lacks):
    note = describe_doubts(lines, unread)
    assert all(words in note for words in has) and not any(words in note for words in lacks), note


def test_a_line_that_may_be_wrong_is_marked():
    assert marked(line()) == "text" and marked(line(0.7, sure=False)) == "text (unsure)"


# --- frames and marks ------------------------------------------------------------------------------


def box(x, y, width, height, angle=0.0):
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return ((corners - corners.mean(axis=0)) @ turn + [x, y]).astype(np.float32)


@pytest.mark.parametrize("angle", np.radians([-80, -40, -5, 0, 5, 40, 80]))
@pytest.mark.parametrize("rolled", range(4))
def test_a_page_runs_as_its_long_lines_do(angle, rolled):
    quads = [frames.turned(box(400, 60 * i, 300 + 20 * i, 30, angle), rolled) for i in range(5)]
    found = frames.page_angle(quads)
    assert abs(np.sin(found - angle)) < 0.05
    for quad in quads:
        width, height = frames.size_of(frames.along(quad, found))
        assert width > 4 * height


def test_level_lines_count_more_than_the_labels_that_stand_up():
    labels = [box(80 * i, 500, 30, 90) for i in range(12)]
    assert frames.page_angle([box(400, 40, 330, 30), *labels]) == pytest.approx(0)
    assert frames.page_angle(labels) == pytest.approx(np.pi / 2)
    assert frames.page_angle([]) == frames.page_angle([box(0, 0, 20, 20)]) == 0


@pytest.mark.parametrize(
    "places", [[(40, 40)], [(40, 40), (1500, 1100)], [(700, 30), (60, 900), (1500, 600)]]
)
def test_islands_hold_the_words_and_no_rules(places):
    image = Image.new("RGB", (1800, 1300), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((5, 5, 1795, 1295), outline="black", width=4)
    pen.line((300, 200, 300, 1250), "black", 3)
    for place in places:
        pen.text(place, "Detail no. 7", "black", font(18))
    found = marks.islands(np.asarray(image))
    assert len(found) == len(places)
    for x, y in places:
        assert any(b[0] <= x and b[1] <= y and x + 110 <= b[2] and y + 20 <= b[3] for b in found)
    assert marks.islands(np.full((400, 500, 3), 255, np.uint8)) == []


# --- further scripts -------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """Let the script be read anew, as at the start of a process."""
    ocr_script.further_script.cache_clear()
    yield
    ocr_script.further_script.cache_clear()


@pytest.mark.parametrize("bad", ["klingon", "latin", "korean,greek", "한국어", "-"])
def test_the_script_is_a_setting_that_is_checked(bad, tmp_path):
    assert Config.from_env({"VLM_OCR_SCRIPT": " Korean "}) == Config.from_env({})
    with pytest.raises(BadPrompt, match="VLM_OCR_SCRIPT is one of cyrillic"):
        Config.from_env({"VLM_OCR_SCRIPT": bad})
    settings = {"VLM_OCR_SCRIPT": bad, "VLM_WEIGHTS": str(tmp_path)}
    assert Config.usable(settings).weights == tmp_path, "other settings stay"
    assert ocr_folder({"VLM_OCR_FOLDER": "/models"}).as_posix() == "/models"


@pytest.mark.parametrize("script", OCR_SCRIPTS)
def test_rapidocr_knows_each_script(monkeypatch, tmp_path, script, fresh):
    """Its file is in the folder already, but is another: it would be fetched anew from a public address."""
    monkeypatch.setenv("VLM_OCR_SCRIPT", script)
    monkeypatch.setenv("VLM_OCR_FOLDER", str(tmp_path))
    asked = []
    monkeypatch.setattr(scripts, "fetch", lambda *given: asked.append(given))
    settings = scripts.recogniser_settings()
    ((url, sha256, path),) = asked
    assert url.startswith("https://") and len(sha256) == 64 and path.parent == tmp_path
    assert settings["Rec.model_path"] == str(path)
    monkeypatch.delenv("VLM_OCR_SCRIPT")
    ocr_script.further_script.cache_clear()
    assert scripts.recogniser_settings() == {} and len(asked) == 1


@pytest.mark.parametrize("first, later", [("korean", "greek"), ("thai", ""), ("", "tamil"), ("greek", "klingon")])  # fmt: skip
def test_the_script_is_read_once_so_that_note_and_recogniser_agree(
    monkeypatch, tmp_path, first, later, fresh
):
    monkeypatch.setenv("VLM_OCR_FOLDER", str(tmp_path))
    monkeypatch.setattr(scripts, "fetch", lambda *_: None)
    monkeypatch.setenv("VLM_OCR_SCRIPT", first)
    recogniser = scripts.recogniser_settings()
    for each in (later, first, later):
        monkeypatch.setenv("VLM_OCR_SCRIPT", each)
        said = describe_doubts([line()], 0)
        assert (f"{first.capitalize()} and Latin" if first else "Latin script, Chinese") in said
        assert scripts.recogniser_settings() == recogniser and bool(recogniser) == bool(first)


@pytest.fixture
def shelf():
    """A server on this machine that has one file."""

    class Shelf(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self):
            Shelf.asked += 1
            there = self.path == "/model.onnx"
            self.send_response(200 if there else 404)
            self.end_headers()
            self.wfile.write(b"weights" if there else b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Shelf
    server.shutdown()
    server.server_close()


def test_a_recogniser_is_fetched_once_and_checked(shelf, tmp_path):
    address, server = shelf
    path, right = tmp_path / "deep" / "model.onnx", hashlib.sha256(b"weights").hexdigest()
    scripts.fetch(f"{address}/model.onnx", right, path)
    scripts.fetch(f"{address}/model.onnx", right, path)
    assert path.read_bytes() == b"weights" and server.asked == 1


@pytest.mark.parametrize(
    "page, said",
    [("/model.onnx", "not the file it should be"), ("/gone.onnx", "cannot be downloaded")],
)
def test_a_recogniser_that_cannot_be_had_is_one_sentence_with_the_way_out(
    shelf, tmp_path, page, said
):
    with pytest.raises(VLMError, match=said) as error:
        scripts.fetch(shelf[0] + page, "0" * 64, tmp_path / "model.onnx")
    assert str(tmp_path) in str(error.value) and not (tmp_path / "model.onnx").exists()


def test_no_server_at_all_is_the_same_sentence(tmp_path):
    with pytest.raises(VLMError, match="cannot be downloaded"):
        scripts.fetch("http://127.0.0.1:9/model.onnx", "0" * 64, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "script, name",
    [("", "PP-OCRv6"), ("greek", "PP-OCRv5 for Greek"), ("klingon", "PP-OCRv6")],
)
def test_what_reads_is_named_as_it_is(monkeypatch, script, name, fresh):
    monkeypatch.setenv("VLM_OCR_SCRIPT", script)
    assert ocr_script.ocr_name() == name
    model, task = find_model("microsoft/florence-2"), find_task("<OCR>")
    assert Embedded().capability(model, task).computed_by == name
    assert Embedded().capability(model, task).summary == f"Done by the built-in tools ({name})."
