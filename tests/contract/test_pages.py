"""Files of several pages in a data set, in the terminal and on the OpenAI wire, by the built-in tools."""

import base64
import json
import zipfile

import pytest
import requests
from PIL import Image, ImageDraw

from tests.support.file_bytes import saved
from tests.support.heif import HeifPicture, heic
from tests.support.pdf_files import PdfPage, pdf
from tests.support.questions import FLORENCE, LLAMA
from tests.support.servers import serving
from vlm_backends import BadPrompt, Embedded, Picture, Refused
from vlm_backends.annotate.archive import write_archive
from vlm_backends.annotate.command import main as annotate
from vlm_backends.annotate.runner import Record
from vlm_backends.annotate.sources import MOST, pictures, sources, stem_of, with_pages
from vlm_backends.cli import ask_main
from vlm_backends.media import images
from vlm_backends.media.files import pdf as pdf_files
from vlm_backends.server.requests import read_request

WORDS = "GATE", "ROOM", "SEAT"


def print_of(word: str, size=(300, 120)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((40, 30), word, fill="black", font_size=56)
    return image


def frames(format: str, count: int = 3, **options) -> bytes:
    pages = [print_of(word) for word in WORDS[:count]]
    return saved(pages[0], format, save_all=True, append_images=pages[1:], **options)


def plan(count: int = 3) -> bytes:
    return pdf(*(PdfPage([(word, 30, 20, 20)], (120, 60)) for word in WORDS[:count]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder, to be in, with files of one and of several pages."""
    monkeypatch.chdir(tmp_path)
    files = tmp_path / "scans"
    files.mkdir()
    (files / "a.tif").write_bytes(frames("TIFF"))
    (files / "b.gif").write_bytes(frames("GIF"))
    (files / "c.png").write_bytes(frames("PNG", 1))
    (files / "d.pdf").write_bytes(plan(2))
    (files / "e.pdf").write_bytes(b"%PDF-1.7 broken")
    with zipfile.ZipFile(files / "z.zip", "w") as bundle:
        bundle.writestr("in/f.tiff", frames("TIFF", 2))
        bundle.writestr("g.heic", heic(HeifPicture("gate")))
    return tmp_path


NAMES = [
    "scans/a.tif", "scans/a.tif#page=2", "scans/a.tif#page=3", "scans/b.gif", "scans/c.png", "scans/d.pdf", "scans/d.pdf#page=2",
    "scans/e.pdf", "scans/z.zip/in/f.tiff", "scans/z.zip/in/f.tiff#page=2", "scans/z.zip/g.heic",
]  # fmt: skip


def test_each_page_of_a_pdf_or_tiff_is_a_picture_and_an_animation_is_one(folder):
    found = list(with_pages(pictures(["scans"])))
    assert [source.name for source in found] == NAMES
    pages = [source.read().page for source in found if "e.pdf" not in source.name]
    assert [(page.number, page.count, page.unit) for page in pages][:4] == [
        (1, 3, "page"),
        (2, 3, "page"),
        (3, 3, "page"),
        (1, 3, "frame"),
    ]
    with pytest.raises(BadPrompt, match="This PDF is broken"):
        found[7].read()


@pytest.mark.slow
def test_annotate_gives_each_page_a_line_and_goes_on_where_it_was(folder):
    asked = [
        "scans",
        "--engine",
        "embedded",
        "--task",
        "<OCR>",
        "--out",
        "r.jsonl",
        "--coco",
        "all.json",
        "--csv",
        "all.csv",
    ]
    whole = folder / "scans/a.tif"
    (folder / "scans/b.gif").unlink()
    before = whole.read_bytes()
    whole.write_bytes(frames("TIFF", 1))  # at first it has one page
    assert annotate(asked) == 3  # the broken one failed
    whole.write_bytes(before)
    assert annotate(asked) == 3
    lines = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
    by_name = {line["file"]: line for line in lines}
    assert sorted(by_name) == sorted(set(NAMES) - {"scans/b.gif"}) and len(lines) == len(by_name)
    for name, word, page in (
        ("scans/a.tif", "GATE", (1, 1)),
        ("scans/a.tif#page=3", "SEAT", (3, 3)),
        ("scans/d.pdf#page=2", "ROOM", (2, 2)),
    ):
        line = by_name[name]
        assert word in line["text"] and (line["page"], line["pages"]) == page
        assert page == (1, 1) or line["note"].endswith(f"Page {page[0]} of {page[1]}.")
    assert by_name["scans/e.pdf"]["page"] is None and "broken" in by_name["scans/e.pdf"]["error"]
    listed = {
        image["file_name"] for image in json.loads((folder / "all.json").read_text())["images"]
    }
    assert (
        listed == set(by_name) - {"scans/e.pdf"}
        and '"scans/a.tif#page=2"' not in (folder / "all.csv").read_text()
    )
    assert "scans/a.tif#page=2" in (folder / "all.csv").read_text(encoding="utf-8-sig")


def test_a_batch_takes_pages_and_its_files_have_names_of_their_own(folder):
    scans = folder / "scans"
    (scans / "a-page-2.png").write_bytes(frames("PNG", 1) + b"x")
    found = sources([scans / "a-page-2.png", scans / "a.tif", scans / "d.pdf"])
    assert [source.name for source in found] == [
        "a-page-2.png", "a-2.tif", "a-2.tif#page=2", "a-2.tif#page=3", "d.pdf", "d.pdf#page=2",
    ]  # fmt: skip
    assert len({stem_of(source.name).casefold() for source in found}) == len(found)
    archive = folder / "results.zip"
    records = [Record(source, Embedded(), source.read()) for source in found]
    write_archive(
        archive, records, lambda record: None, lambda record: {"name": record.source.name}
    )
    with zipfile.ZipFile(archive) as bundle:
        names = [name for name in bundle.namelist() if name.startswith("json/")]
        listed = {image["file_name"] for image in json.loads(bundle.read("coco.json"))["images"]}
    assert len(names) == len(set(names)) == len(found) and "json/d-page-2.json" in names
    assert listed == {source.name for source in found}


@pytest.mark.parametrize("given, names", [
    ("scan.png:1 scan.tif:2", "scan.png scan-2.tif scan-2.tif#page=2"),
    ("scan.tif:2 scan.png:1", "scan.tif scan.tif#page=2 scan-2.png"),
    ("scan.tif:3 scan-page-3.png:1", "scan.tif scan.tif#page=2 scan.tif#page=3 scan-page-3-2.png"),
    ("scan-page-2.png:1 scan.pdf:2 SCAN.tif:2", "scan-page-2.png scan-2.pdf scan-2.pdf#page=2 SCAN-3.tif SCAN-3.tif#page=2"),
    ("scan-page-9.png:1 scan.tif:2", "scan-page-9.png scan.tif scan.tif#page=2"),
    ("Scan.png:1 scan-2.png:1 scan.pdf:2", "Scan.png scan-2.png scan-3.pdf scan-3.pdf#page=2"),
])  # fmt: skip
def test_all_pages_of_a_file_share_its_name(tmp_path, given, names):
    """Each file has a content of its own, and a folder, as uploads have."""
    paths = []
    for index, (name, pages) in enumerate(part.split(":") for part in given.split()):
        paths.append(tmp_path / str(index) / name)
        paths[-1].parent.mkdir()
        size = 20 + index, 10
        made = [Image.new("L", size, 40 * page) for page in range(int(pages))]
        data = saved(made[0], "TIFF", save_all=True, append_images=made[1:])
        if name.endswith("pdf"):
            data = pdf(*[PdfPage(size=size)] * int(pages))
        paths[-1].write_bytes(data)
    found = sources(paths)
    assert [source.name for source in found] == names.split()
    assert len({stem_of(source.name).casefold() for source in found}) == len(found)


def test_a_batch_of_too_many_pages_is_refused(tmp_path):
    path = tmp_path / "long.tif"
    pages = [Image.new("L", (4, 4), shade) for shade in range(MOST + 1)]
    path.write_bytes(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    with pytest.raises(
        BadPrompt, match=f"takes {MOST} pictures, and each page of a PDF or TIFF is one"
    ):
        sources([path])


@pytest.mark.parametrize(
    "page, words, said", [([], "GATE", "Page 1 of 3."), (["--page", "3"], "SEAT", "Page 3 of 3.")]
)
def test_the_terminal_takes_a_page(folder, capsys, page, words, said):
    (folder / "three.pdf").write_bytes(plan())
    for file in ("three.pdf",) if page else ("scans/a.tif",):
        assert ask_main([FLORENCE.id, file, "--task", "<OCR>", "--engine", "embedded", *page]) == 0
        shown = capsys.readouterr()
        assert words in shown.out and shown.err.strip().endswith(said)


def test_the_terminal_says_which_pages_there_are(folder, capsys):
    for page, said in (
        ("9", "This file has 3 pages; page 9 was asked for."),
        ("0", "whole number"),
    ):
        try:
            status = ask_main([FLORENCE.id, "scans/a.tif", "--task", "<OCR>", "--page", page])
        except SystemExit as ended:
            status = ended.code
        assert status and said in capsys.readouterr().err


def data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def served():
    with serving(Embedded()) as url:
        yield url


def answered(served, part: dict) -> requests.Response:
    content = [{"type": "text", "text": "Read it."}, part]
    body = {"model": LLAMA.id, "messages": [{"role": "user", "content": content}]}
    return requests.post(f"{served}/chat/completions", json=body, timeout=60)


@pytest.mark.parametrize(
    "data, kind",
    [
        (plan(), "application/pdf"),
        pytest.param(frames("TIFF"), "image/tiff", marks=pytest.mark.slow),
        pytest.param(frames("TIFF"), "application/octet-stream", marks=pytest.mark.slow),
    ],
    ids=range(3),
)
def test_the_wire_takes_pdfs_and_tiffs_as_pictures_and_as_files(served, data, kind):
    url = data_url(data, kind)
    for part, word, said in (
        ({"type": "image_url", "image_url": {"url": url}}, "GATE", "Page 1 of 3."),
        ({"type": "image_url", "image_url": {"url": url, "page": 2, "detail": "high"}}, "ROOM", "Page 2 of 3."),
        ({"type": "file", "file": {"filename": "x.pdf", "file_data": url, "page": 3}}, "SEAT", "Page 3 of 3."),
    ):  # fmt: skip
        reply = answered(served, part).json()
        assert word in reply["choices"][0]["message"]["content"] and said in json.dumps(reply)


@pytest.mark.parametrize("pdfs, others, taken", [(20, 3, True), (21, 0, False), (40, 9, False)])
@pytest.mark.parametrize("apart", [True, False])
def test_the_pdfs_of_one_request_are_counted_before_they_are_drawn(
    monkeypatch, pdfs, others, taken, apart
):
    """They count together, in one message or in several; other pictures do not count."""
    drawn = []
    monkeypatch.setattr(
        images, "read", lambda data, page: drawn.append(data) or Picture(data, "image/png", 1, 1)
    )
    urls = [data_url(plan(1), "application/pdf")] * pdfs
    urls += [data_url(frames("PNG", 1), "image/png")] * others
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    contents = [[part] for part in parts] if apart else [parts]
    body = {"model": LLAMA.id, "messages": [{"role": "user", "content": each} for each in contents]}
    if taken:
        request = read_request(body, [LLAMA], bytes)
        assert sum(len(turn.pictures) for turn in request.prompt.turns) == pdfs + others
    else:
        with pytest.raises(BadPrompt, match=r"may show 20 pages of PDFs\. Send fewer, or"):
            read_request(body, [LLAMA], bytes)
        assert len(drawn) == 20


def test_a_request_whose_pdf_waits_too_long_may_be_sent_again(served, monkeypatch):
    monkeypatch.setattr(pdf_files, "_MAX_WAIT", 0.0)
    part = {"type": "image_url", "image_url": {"url": data_url(plan(), "application/pdf")}}
    with pdf_files._turn(), pdf_files._turn():
        reply = answered(served, part)
    assert reply.status_code == 503 and int(reply.headers["Retry-After"]) == 30
    assert "Too many other PDFs" in reply.json()["error"]["message"]


def test_a_batch_does_not_take_a_pdf_for_one_page_because_others_are_drawn(folder, monkeypatch):
    monkeypatch.setattr(pdf_files, "_MAX_WAIT", 0.0)
    with pdf_files._turn(), pdf_files._turn():
        with pytest.raises(Refused, match="Too many other PDFs"):
            sources([folder / "scans/d.pdf"])
        with pytest.raises(Refused, match="Too many other PDFs"):
            list(with_pages(pictures(["scans/d.pdf"])))
    assert len(sources([folder / "scans/d.pdf"])) == 2


@pytest.mark.parametrize("part, said", [
    ({"type": "image_url", "image_url": {"url": data_url(plan(), "application/pdf"), "page": 9}}, "This file has 3 pages; page 9 was asked for."),
    ({"type": "image_url", "image_url": {"url": data_url(plan(), "application/pdf"), "page": "2"}}, "must be a whole number"),
    ({"type": "image_url", "image_url": {"url": data_url(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")}}, "SVG drawings are not read here: open it in a browser"),
    ({"type": "image_url", "image_url": {"url": "data:image/svg+xml;utf8,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"}}, "SVG drawings are not read here: open it in a browser"),
    ({"type": "file", "file": {"file_id": "file-abc"}}, "file_data"), ({"type": "file"}, "file_data"), ({"type": "file", "file": None}, "file_data"),
    ({"type": "image_url", "image_url": {"url": data_url(plan()[:150], "application/pdf")}}, "This PDF is broken or cut off"),
    ({"type": "image_url", "image_url": {"url": data_url(pdf(PdfPage(), password="x"), "application/pdf")}}, "locked by a password"),
    ({"type": "image_url", "image_url": {"url": data_url(heic()[:300], "image/heic")}}, "broken or cut off"),
])  # fmt: skip
def test_what_the_wire_cannot_read_is_a_sentence(served, part, said):
    reply = answered(served, part)
    assert reply.status_code == 400 and said in reply.json()["error"]["message"]
