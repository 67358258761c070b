"""The files of a batch: whole lines whatever is cut off, COCO picture by picture, no formula in a cell."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from vlm_backends import BadPrompt, Picture, Region
from vlm_backends.annotate.jsonl import entries, resumable_jsonl
from vlm_backends.annotate.records import region_to_json, write_coco, write_csv
from vlm_backends.media.exports import as_coco

QUESTION = {"model": "m", "task": None, "prompt": "What?"}


def entry(name, error=None, **fields):
    return {"file": name, **QUESTION, "text": "", "error": error, **fields}


def text_of(*found):
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in found)


NAMES = some.text(some.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    found=some.lists(some.tuples(NAMES, some.booleans()), max_size=5),
    words=NAMES,
    zeros=some.integers(0, 3),
    data=some.data(),
)
def test_whatever_is_cut_off_each_picture_has_one_line_in_the_end(
    tmp_path_factory, found, words, zeros, data
):
    path = tmp_path_factory.mktemp("cut") / "out.jsonl"
    lines = [entry(name, "why" if failed else None, text=words) for name, failed in found]
    text = text_of(*lines)
    cut = data.draw(some.integers(0, len(text)))
    path.write_bytes(text[:cut] + bytes(zeros) * (text[:cut][-1:] != b"\n"))
    survivors = lines[: text[:cut].count(b"\n")]
    answered = {each["file"] for each in survivors if not each["error"]}
    with resumable_jsonl(path, QUESTION) as (done, write):
        assert done == answered
        for each in lines * 2:
            write(entry(each["file"], text="again"))
    after = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert sorted(each["file"] for each in after) == sorted({each["file"] for each in lines})
    assert all(
        each["text"] == ("again" if each["file"] not in answered else words) for each in after
    )
    assert sorted(file.name for file in path.parent.iterdir() if file.suffix != ".lock") == [
        "out.jsonl"
    ]


@pytest.mark.parametrize("held, said", [
    (b"notes of mine", "something else"), (b"notes of mine\n", "something else"), (b"\x89PNG\r\n\x1a\n\0\0", "something else"), (b"\n", "something else"),
    (b"{}\n", "something else"), (b'{"file": 7}\n', "something else"), (b'{"file": "a"\n', "something else"), (b'{"name": "a"}\n', "something else"),
    (b'{"file": "' + b"[" * 100_000 + b"\n", "something else"), (text_of(entry("a")) + b"}" + text_of(entry("b")), "something else"),
    (text_of(entry("a", prompt="Where?")), "another question"), (text_of(entry("a")) + text_of(entry("b", task="<OD>")), "another question"),
    (text_of({"file": "a"}), "another question"), (text_of(entry("a", "why", model="n")), "another question"), (b"\0\n", "something else"),
])  # fmt: skip
def test_a_file_that_holds_something_else_is_left_as_it_is(tmp_path, held, said):
    path = tmp_path / "out.jsonl"
    path.write_bytes(held)
    with pytest.raises(BadPrompt, match=said), resumable_jsonl(path, QUESTION):
        pass
    assert path.read_bytes() == held and not list(tmp_path.glob(".*.part"))


def test_two_runs_never_write_to_one_file(tmp_path):
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "out.jsonl")
    with resumable_jsonl(tmp_path / "out.jsonl", QUESTION) as (_, write):
        write(entry("a"))
        for path in ("out.jsonl", "link.jsonl"):
            with (
                pytest.raises(BadPrompt, match="Another run"),
                resumable_jsonl(tmp_path / path, QUESTION),
            ):
                pass
    for _ in range(2):  # also after a fault of whoever writes, of whatever kind
        with (
            pytest.raises(ImportError),
            resumable_jsonl(tmp_path / "link.jsonl", QUESTION) as (done, _),
        ):
            assert done == {"a"} and (tmp_path / "link.jsonl").is_symlink()
            raise ImportError


def test_names_and_words_of_strangers_come_back_as_they_were(tmp_path):
    names = ["a\nb.png", "\u2028.png", "кот.png", '"', "\\xff.png", "\0"]
    with resumable_jsonl(tmp_path / "out.jsonl", QUESTION) as (_, write):
        for name in names:
            write(entry(name, text="half \ud800 a letter"))
    with resumable_jsonl(tmp_path / "out.jsonl", QUESTION) as (done, _):
        assert done == set(names)
    assert [each["text"] for each in entries(tmp_path / "out.jsonl")] == ["half ? a letter"] * 6


REGION = some.builds(
    Region,
    NAMES,
    some.lists(some.tuples(some.floats(0, 1), some.floats(0, 1)), max_size=5).map(tuple),
    some.booleans(),
)


@settings(deadline=None, max_examples=40)
@given(found=some.lists(some.tuples(NAMES, some.lists(REGION, max_size=3)), max_size=4))
def test_coco_written_picture_by_picture_is_that_of_all_at_once(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("coco") / "all.json"
    lines = [
        entry(name, width=40, height=30, regions=[region_to_json(region) for region in regions])
        for name, regions in found
    ]
    write_coco(
        path,
        lambda: [
            entry("failed", "why", width=4, height=3, regions=[]),
            entry("none", width=None),
            *lines,
        ],
    )
    picture = Picture(b"", "", 40, 30)
    assert json.loads(path.read_bytes()) == json.loads(
        json.dumps(as_coco((name, picture, regions) for name, regions in found))
    )


def test_no_cell_is_a_formula(tmp_path):
    lines = [
        entry("=1+1.png", text='=HYPERLINK("x")\n"a", b', regions=[{}], engine="e", seconds=0.5),
        entry("b", "-why", text="", regions=[], engine="e", seconds=0),
    ]
    write_csv(tmp_path / "all.csv", lambda: lines)
    head, first, second = csv.reader((tmp_path / "all.csv").open(encoding="utf-8-sig", newline=""))
    assert head == ["file", "text", "regions", "engine", "seconds", "finish", "error"]
    assert first[2:] == ["1", "e", "0.5", "", ""]
    assert first[0] == "'=1+1.png" and first[1].startswith("'=HYPER") and second[-1] == "'-why"
    with pytest.raises(ZeroDivisionError):
        write_csv(tmp_path / "all.csv", lambda: (1 / 0 for _ in "x"))
    assert (
        len((tmp_path / "all.csv").read_text().splitlines()) == 4
        and len(list(tmp_path.iterdir())) == 1
    ), "the old file stays whole"
