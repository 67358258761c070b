"""What is found in folders, zips and tables: each picture once, under a name of its own, and read whatever is beside it."""

import io
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from vlm_backends import BadPrompt
from vlm_backends.annotate.sources import MOST, pictures, safe_name, sources, with_pages
from vlm_backends.media.decoding import MAX_BYTES

pyarrow = pytest.importorskip(
    "pyarrow", reason="pyarrow is not installed: see requirements-ray.txt"
)
parquet = pytest.importorskip("pyarrow.parquet")


def png(shade=0):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), (shade % 256, shade // 256, 7)).save(buffer, "PNG")
    return buffer.getvalue()


def shade(source):
    with Image.open(io.BytesIO(source.read().data)) as image:
        red, green, _ = image.getpixel((0, 0))
    return red + 256 * green


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in members:
            bundle.writestr(name, data)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to be in, so that names are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def many(here):
    """A picture in each kind of place, and what is none beside them."""
    (here / "d/deep/.hidden").mkdir(parents=True)
    for name in ("b.png", "a.PNG", "deep/c.png", "deep/.hidden/no.png", "._b.png", "notes.txt"):
        (here / "d" / name).write_bytes(png())
    (here / "d/odd\udcff.png").write_bytes(png())
    os.mkfifo(here / "d/pipe.png")
    (here / "d/loop").symlink_to(here / "d")
    (here / "d/gone.png").symlink_to(here / "nowhere")
    zipped(
        here / "d/z.zip",
        [
            ("x/1.png", png(1)),
            ("__MACOSX/x/1.png", b"no"),
            ("readme.txt", b"no"),
            ("x/.1.png", b"no"),
        ],
    )
    parquet.write_table(
        pyarrow.table(
            {
                "label": [1, 2],
                "image": [{"bytes": png(3), "path": "3.png"}, {"bytes": None, "path": "4.png"}],
            }
        ),
        here / "d/t.parquet",
    )
    parquet.write_table(pyarrow.table({"label": [1, 2]}), here / "d/labels.parquet")
    return here


FOUND = [
    "d/a.PNG",
    "d/b.png",
    "d/deep/c.png",
    "d/odd\\xff.png",
    "d/t.parquet#0",
    "d/t.parquet#1",
    "d/z.zip/x/1.png",
]


@pytest.mark.parametrize("paths, found", [
    (["d"], FOUND), (["d", "d/", "./d", "d/b.png"], FOUND), (["d/b.png", "d/b.png"], ["d/b.png"]),
    (["d/*.png"], ["d/b.png", "d/odd\\xff.png"]), (["d/de*/**/c.png"], ["d/deep/c.png"]), (["d/[ab].*"], ["d/a.PNG", "d/b.png"]),
    (["d/z.zip"], FOUND[-1:]), (["d/t.parquet"], FOUND[4:6]), (["d/notes.txt"], ["d/notes.txt"]), (["d/z.*", "d/deep"], FOUND[-1:] + FOUND[2:3]),
])  # fmt: skip
def test_each_picture_is_found_once(many, paths, found):
    assert [source.name for source in pictures(paths)] == found


@pytest.mark.parametrize("paths, column, said", [
    (["nowhere"], "", "“nowhere”"), ([""], "", "No picture"), (["d/*.gif"], "", "No picture"), (["d/deep", "empty"], "", "“empty”"),
    (["d/pipe.png"], "", "No picture"), (["d/gone.png"], "", "No picture"), (["\0"], "", "No picture"), (["only.txt.zip"], "", "No picture"),
    (["broken.zip"], "", "no zip"), (["in"], "", "no zip"), (["broken.parquet"], "", "no Parquet"), (["d/labels.parquet"], "", "no column"),
    (["d/t.parquet"], "label", "--column image"), (["d/t.parquet"], "nope", "“nope”"), (["empty.parquet"], "", "No picture"), (["bad-name.zip"], "", "no zip"),
])  # fmt: skip
def test_where_nothing_is_a_sentence_says_so(many, paths, column, said):
    (many / "empty").mkdir()
    (many / "in").mkdir()
    for name in ("broken.zip", "in/broken.zip", "broken.parquet"):
        (many / name).write_bytes(b"PK\x03\x04 no")
    zipped(many / "only.txt.zip", [("a.txt", b"")])
    zipped(many / "bad-name.zip", [("й.png", b"")])
    data = (many / "bad-name.zip").read_bytes()
    (many / "bad-name.zip").write_bytes(data.replace("й".encode(), b"\xff\xff"))
    parquet.write_table(
        pyarrow.table({"image": pyarrow.array([], pyarrow.binary())}), many / "empty.parquet"
    )
    with pytest.raises(BadPrompt, match=said):
        list(pictures(paths, column))


def test_what_was_found_is_read_or_fails_with_a_sentence(many):
    found = {source.name: source for source in pictures(["d"])}
    assert [shade(found[name]) for name in (*FOUND[:5], FOUND[-1])] == [0, 0, 0, 0, 3, 1]
    with pytest.raises(
        BadPrompt, match="holds no bytes"
    ):  # its path is a stranger's word about this machine
        found["d/t.parquet#1"].read()
    (many / "d/b.png").unlink()
    with pytest.raises(BadPrompt, match="no longer there"):
        found["d/b.png"].read()


def test_a_zip_gives_the_last_of_a_name_and_a_sentence_for_what_is_broken(here):
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(
            here / "z.zip",
            [
                ("a.png", png(1)),
                ("a.png", png(2)),
                ("b.png", png(3)),
                ("c.png", png(4)),
            ],
        )
    data = bytearray((here / "z.zip").read_bytes())
    data[data.index(b"b.png") + 5 + 20] ^= 255  # within its deflated bytes
    (here / "z.zip").write_bytes(data)
    found = {source.member: source for source in pictures(["z.zip"])}
    assert list(found) == ["a.png", "b.png", "c.png"] and shade(found["a.png"]) == 2
    with pytest.raises(BadPrompt, match="cannot be taken out"):
        found["b.png"].read()
    assert shade(found["c.png"]) == 4, "the next one is read as ever"


@pytest.mark.parametrize("name", ["a.png", "b.pdf", "c.tif"])
def test_one_limit_and_one_sentence_for_large_files_wherever_they_are(here, name, monkeypatch):
    """Zeros take little room in a zip and in a file with holes; a member is not unpacked first."""
    with (here / name).open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with zipfile.ZipFile(here / "z.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.write(here / name)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    for path in (name, "z.zip"):
        (found,) = with_pages(pictures([path]))
        with pytest.raises(BadPrompt, match=r"^This file is too large: at most 64 MB\. "):
            found.read()


@pytest.mark.parametrize("rows_of_a_group", [1, 7, 10_000])
def test_threads_share_a_zip_and_a_table(here, rows_of_a_group):
    count, before = 300, set(threading.enumerate())
    table = pyarrow.table({"a": [0] * count, "image": [png(i) for i in range(count)]})
    parquet.write_table(table, here / "t.parquet", row_group_size=rows_of_a_group)
    zipped(here / "z.zip", [(f"{i}.png", png(i)) for i in range(count)])
    for path in ("t.parquet", "z.zip"):
        found = list(pictures([path]))
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(shade, found)) == list(range(count))
            assert list(pool.map(shade, found[::-37])) == list(range(count))[::-37], (
                "backwards as well"
            )
    started = set(threading.enumerate()) - before  # a page of another test may start some as well
    assert len(started) < 16, "threads are left"


def test_a_broken_page_is_a_sentence_and_the_rows_before_it_are_read(here):
    table = pyarrow.table({"image": [png(i) for i in range(64)]})
    parquet.write_table(
        table, here / "t.parquet", row_group_size=16, compression="NONE", use_dictionary=False
    )
    data = bytearray((here / "t.parquet").read_bytes())
    middle = data.index(png(40)) - 4
    data[middle : middle + 4] = b"\xff" * 4  # the length of a value
    (here / "t.parquet").write_bytes(data)
    found = list(pictures(["t.parquet"]))
    for index in (0, 17, 40, 63, 41, 5):
        if 32 <= index < 48:
            with pytest.raises(BadPrompt, match="is broken at row"):
                found[index].read()
        else:
            assert shade(found[index]) == index


def test_a_table_need_not_fit_into_memory(here):
    """One row group of 64 MB, of which a few rows are held."""
    rows = [os.urandom(250_000) for _ in range(256)]
    schema = pyarrow.schema([("image", pyarrow.binary())])
    with parquet.ParquetWriter(
        here / "t.parquet", schema, use_dictionary=False, data_page_size=2**20, write_batch_size=4
    ) as writer:
        writer.write_table(pyarrow.table({"image": rows}, schema=schema), row_group_size=1000)
    before = pyarrow.total_allocated_bytes()
    for source in pictures(["t.parquet"]):
        with pytest.raises(BadPrompt, match="not a picture"):
            source.read()
        assert pyarrow.total_allocated_bytes() - before < 48 * 2**20


def test_nothing_is_looked_for_before_it_is_wanted(many):
    found = pictures(["d/b.png", "nowhere"])
    assert next(found).name == "d/b.png"
    with pytest.raises(BadPrompt, match="nowhere"):
        next(found)


def test_a_file_that_takes_anothers_place_is_seen(here):
    for value in (1, 20):
        zipped(here / "z.zip", [("a.png", png(value))])
        parquet.write_table(pyarrow.table({"image": [png(value)] * value}), here / "t.parquet")
        assert [shade(next(pictures([path]))) for path in ("z.zip", "t.parquet")] == [value, value]
    last = list(pictures(["t.parquet"]))[-1]
    parquet.write_table(pyarrow.table({"image": [png(5)] * 3}), here / "t.parquet")
    for gone in (False, True):
        if gone:
            (here / "t.parquet").unlink()
        with pytest.raises(BadPrompt):
            last.read()


@pytest.mark.parametrize("given, safe", [
    ("cat.jpg", "cat.jpg"), ("../../etc/passwd", "passwd"), ("C:\\x\\cat.png", "cat.png"), ("", "picture"), (".jpg", "jpg"),
    ("...", "picture"), ("con.png", "_con.png"), ("a\nb\x00c.png", "abc.png"), ("\u202egpj.exe", "gpj.exe"), ("=1+1.png", "=1+1.png"),
    ("<b>.png", "b.png"), ("кот.jpg", "кот.jpg"), ("x" * 500 + ".png", "x" * 80 + ".png"), ("a.tar.gz", "a.tar.gz"), ("a. .png", "a.png"),
])  # fmt: skip
def test_a_strangers_file_name_is_made_safe(given, safe):
    assert safe_name(given) == safe


@pytest.fixture
def folder(tmp_path):
    """Twelve small pictures that all differ."""
    for i in range(12):
        Image.new("RGB", (40 + i, 30), (i * 20, 90, 120)).save(tmp_path / f"{i:02}.png")
    return tmp_path


def test_files_get_names_of_their_own_and_doubles_go(folder, tmp_path):
    (tmp_path / "deep").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "deep" / "00.png")
    (tmp_path / "deep" / "copy.png").write_bytes((folder / "01.png").read_bytes())
    found = sources(
        [
            folder / "00.png",
            folder / "01.png",
            tmp_path / "deep" / "00.png",
            tmp_path / "deep" / "copy.png",
        ]
    )
    assert [source.name for source in found] == ["00.png", "01.png", "00-2.png"]
    for bad in ([], [folder / "00.png"] * (MOST + 1)):
        with pytest.raises(BadPrompt):
            sources(bad)
