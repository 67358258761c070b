"""The short form of `python -m tests.fire`: every promise is kept."""

import importlib
import pkgutil

import pytest

from tests import fire

KINDS = sorted(found.name for found in pkgutil.iter_modules(fire.__path__) if not found.name.startswith("_"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_promise_is_kept(kind):
    rows = list(importlib.import_module(f"tests.fire.{kind}").rows(short=True))
    assert rows
    assert [row for row in rows if not row.kept] == []
