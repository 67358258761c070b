"""The short form of `python -m tests.faults`: every question ends in its whole answer, once, or in one sentence."""

import importlib

import pytest

from tests import faults
from tests.fire.__main__ import kinds


@pytest.mark.parametrize("kind", kinds(faults))
def test_every_promise_is_kept(kind):
    module = importlib.import_module(f"tests.faults.{kind}")
    if why := getattr(module, "absent", lambda: "")():
        pytest.skip(why)
    rows = list(module.rows(short=True))
    assert rows
    assert [row for row in rows if not row.kept] == []
