"""The short form of `python -m tests.fire`: every promise is kept."""

import importlib

import pytest

from tests import fire
from tests.fire.__main__ import kinds


@pytest.mark.parametrize("kind", kinds(fire))
def test_every_promise_is_kept(kind):
    rows = list(importlib.import_module(f"tests.fire.{kind}").rows(short=True))
    assert rows
    assert [row for row in rows if not row.kept] == []
