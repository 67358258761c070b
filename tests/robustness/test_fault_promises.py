"""The short form of `python -m tests.robustness`, for what happens between a question and its answer."""

import importlib

import pytest


@pytest.mark.parametrize(
    "kind, module",
    [
        ("annotate", "interrupted_batch"),
        ("callers", "leaving_callers"),
        ("network", "cut_network"),
        ("replicas", "killed_replicas"),
        ("servers", "killed_servers"),
    ],
)
def test_every_promise_is_kept(kind, module):
    module = importlib.import_module(f"tests.robustness.test_{module}")
    if why := getattr(module, "absent", lambda: "")():
        pytest.skip(why)
    rows = list(module.rows(short=True))
    assert rows
    assert [row for row in rows if not row.kept] == []
