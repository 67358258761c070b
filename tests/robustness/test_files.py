"""Untrusted files: each is read correctly or refused in one sentence, quickly and in little memory."""

import re
from collections.abc import Iterator

import pytest

from tests.support.broken_files import Case, cases
from tests.support.measured_reading import MOST_MB, MOST_S, Reader

_SENTENCE = re.compile(r"[A-Z][^\n]{10,200}\.")
_NEAR = 42  # levels of 255: JPEG at its worst stays below


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each file; the short form takes every second one of those that are quick to make."""
    if "case" in metafunc.fixturenames:
        chosen = list(cases())
        if not metafunc.config.getoption("--long"):
            chosen = [case for case in chosen if not case.heavy][::2]
        metafunc.parametrize("case", chosen, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def read() -> Iterator[Reader]:
    """Read and use a file in a process of its own."""
    with Reader() as reader:
        yield reader


def test_a_file_is_answered_rightly_or_refused_in_one_sentence(case: Case, read, tmp_path):
    path = tmp_path / f"file{case.suffix}"
    path.write_bytes(case.make())
    result = read(path)
    path.unlink()
    assert max(result["steps"].values()) <= MOST_S and result["mb"] <= MOST_MB, result
    allowed = ("seen", "refused") if case.becomes == "either" else (case.becomes,)
    assert result["ended"] in allowed, result
    if result["ended"] == "refused":
        assert _SENTENCE.fullmatch(result["said"]), result
    elif case.becomes == "seen":
        assert tuple(result["size"]) == case.size
        for seen, meant in zip(result["corners"], case.corners, strict=True):
            assert all(abs(a - b) <= _NEAR for a, b in zip(seen, meant)), result
