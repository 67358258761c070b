"""Inputs mutated at random: pictures, replies in each grammar, event streams cut anywhere, zips.

Hypothesis makes the cases from real files and transcripts, and shrinks what it finds to its smallest form. The same
seed makes the same cases: hundreds of each kind, tens of thousands with `--long`.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.broken_files import FORMATS, scene
from tests.support.file_bytes import saved
from tests.support.heif import HeifPicture, heic
from vlm_backends import BadPrompt, Unreachable, VLMError, encode
from vlm_backends.engines.http import decode
from vlm_backends.media import images
from vlm_backends.readers import deplot, florence2, kosmos2, paligemma, plain
from vlm_backends.types import Answer

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of what it repairs
SEED = 20_261_126
TRANSCRIPTS = [
    entry["reply"]
    for entry in json.loads(
        (Path(__file__).parents[1] / "support" / "transcripts" / "replies.json").read_text()
    )
]
READERS = {
    "plain": plain.read, "florence2.text": florence2.text, "florence2.boxes": florence2.boxes, "florence2.quads": florence2.quads,
    "florence2.polygons": florence2.polygons, "florence2.boxes_or_polygons": florence2.boxes_or_polygons,
    "kosmos2": kosmos2.read, "paligemma": paligemma.read, "deplot": deplot.read,
}  # fmt: skip
MARKS = (
    "<loc_1>", "<loc_999>", "<loc_" + "9" * 5000 + ">", "<loc0001>", "<sep>", "<poly>", "</poly>", "<phrase>", "</phrase>", "<object>", "</object>",
    "<patch_index_0044>", "<patch_index_" + "7" * 5000 + ">", "<0x0A>", "|", "-", "TITLE |", "<think>", "</think>", "<|end|>", "</s>", "<pad>", "<", ">", "\n", "\r\n",
    "\0", "\ud800", "\u202e", "٣", "²", "<seg001>", "<grounding>", "</delimiter_of_multi_objects/>", "<|channel|>", "<|message|>final", "`", "\"",
    " </think> ", "<|im_start|>", "[/INST]", "◁think▷", "```\n", "<|channel>thought", "<channel|>",
)  # fmt: skip


def _tried(check: Callable, strategy: st.SearchStrategy, most: int, long_form: bool) -> None:
    """Check `most` cases, or 40 times as many in the long form."""

    @seed(SEED)
    @settings(
        max_examples=most * (40 if long_form else 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )
    @given(strategy)
    def attempt(case: object) -> None:
        check(case)

    attempt()


def test_mutated_pictures_are_an_answer_or_one_sentence(long_form):
    _tried(_picture, _files(), 150, long_form)


def test_mutated_replies_are_an_answer(long_form):
    _tried(_reply, _replies(), 150, long_form)


def test_event_streams_are_read_the_same_however_they_are_cut(long_form):
    _tried(_stream, _streams(), 200, long_form)


def test_mutated_bodies_and_zips_are_an_answer_or_one_sentence(long_form):
    _tried(_body, _bodies(), 150, long_form)


@st.composite
def _mutated(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Draw an original with bytes set, cut out, doubled or put in at a few places."""
    data = bytearray(draw(originals))
    for _ in range(draw(st.integers(1, 6))):
        at, size = draw(st.integers(0, len(data))), draw(st.integers(0, 64))
        match draw(st.sampled_from(("set", "cut", "double", "put", "end"))):
            case "set":
                data[at : at + 4] = draw(
                    st.sampled_from(
                        (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0")
                    )
                )
            case "cut":
                del data[at : at + size]
            case "double":
                data[at:at] = data[at : at + size]
            case "put":
                data[at:at] = draw(st.binary(max_size=16))
            case "end":
                del data[at:]
    return bytes(data)


def _files() -> st.SearchStrategy[bytes]:
    small = [saved(scene((24, 16)), format) for format in FORMATS]
    more = [saved(scene((24, 16)), "JPEG", progressive=True), saved(scene((24, 16), "P"), "PNG"), saved(scene((24, 16), "RGBA"), "WEBP"),
            saved(scene((24, 16)), "TIFF", compression="tiff_lzw"), saved(scene((24, 16), "CMYK"), "JPEG"),
            saved(scene((8, 8)), "GIF", save_all=True, append_images=[scene((8, 8))]),
            saved(scene((8, 8)), "TIFF", save_all=True, append_images=[scene((8, 8))] * 2),
            heic(), heic(HeifPicture("scene-10-bits"), HeifPicture(turn=1))]  # fmt: skip
    return _mutated(st.sampled_from([*small, *more]))


def _picture(data: bytes) -> None:
    try:
        picture = images.read(data)
        assert images.pixels(encode(picture)).mode == "RGB"
    except BadPrompt as error:
        assert str(error).endswith(".")


def _replies() -> st.SearchStrategy[str]:
    real = _mutated(st.sampled_from([text.encode() for text in TRANSCRIPTS])).map(
        partial(bytes.decode, errors="replace")
    )
    made = st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=8)), max_size=60).map(
        "".join
    )
    return st.one_of(real, made, st.text())


def _reply(text: str) -> None:
    for name, read in READERS.items():
        answer = read(text)
        assert isinstance(answer, Answer), name
        points = [value for region in answer.regions for point in region.outline for value in point]
        assert all(0 <= value <= 1 for value in points), name
        assert len({len(row) for row in answer.rows}) <= 1, name


def _streams() -> st.SearchStrategy[tuple[bytes, list[int]]]:
    line = st.one_of(
        st.sampled_from(
            (
                b"data: {}",
                b"data:x",
                b"data",
                b": ping",
                b"event: x",
                b"event: error",
                b"error: x",
                b"{}",
                b'{"a": 1',
                b"}",
                b"[]",
                b"",
                b"data: [DONE]",
                b"data: \xff\xd0",
            )
        ),
        st.binary(max_size=9),
    )
    body = st.lists(st.tuples(line, st.sampled_from((b"\n", b"\r", b"\r\n"))), max_size=30).map(
        lambda parts: b"".join(a + b for a, b in parts)
    )
    return st.tuples(body, st.lists(st.integers(0, 300), max_size=12))


def _stream(case: tuple[bytes, list[int]]) -> None:
    body, cuts = case
    ends = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in zip(ends, ends[1:])]
    found = list(decode.events(pieces))
    assert found == list(decode.events([body])), "the same however it is cut"
    if _is_by_the_format(body):
        assert found == _events(body)


def _is_by_the_format(body: bytes) -> bool:
    """Return False for a body with what servers send against the format, which is read too."""
    bent = (b"{", b"[", b"error:", b"event:", b" ", b"\t", b"}", b"]", b'"')
    return not any(line.startswith(bent) for line in re.split(rb"\r\n|\r|\n", body))


def _events(body: bytes) -> list[bytes]:
    """Return the events of a body that is read at once: the reference for reading it in pieces."""
    found, data = [], []
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            found.append(data)
            data = []
    found += [data] if data in ([b"[DONE]"], [b"{}"]) else []  # what is whole without its end
    return [b"\n".join(parts) for parts in found]


def _bodies() -> st.SearchStrategy[bytes]:
    reply = json.dumps(
        {"choices": [{"message": {"content": "a cat", "entities": {"bboxes": [[1, 2, 3, 4]]}}}]}
    ).encode()
    packed = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w", packing) as archive:
            archive.writestr("../picture.png", b"\x89PNG")
            archive.writestr("1.response", reply)
        packed.append(bundle.getvalue())
    return _mutated(st.sampled_from([reply, *packed]))


def _body(data: bytes) -> None:
    try:
        assert isinstance(decode.body_payload(data), dict)
    except Unreachable as error:
        assert isinstance(error, VLMError) and str(error).endswith(".")
