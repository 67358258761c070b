"""The laws of the tests: what each folder may import, and where helpers and tests are."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LEFT_OUT_OF_THE_QUICK_RUN
from tests.support.paths import ROOT
from tests.support.syntax import parse

TESTS = ROOT / "tests"
FOLDERS = ("unit", "contract", "page", "browser", "robustness")
MODULES = sorted(path for folder in FOLDERS for path in (TESTS / folder).rglob("*.py"))


def name(path: Path) -> str:
    """Return a path as it is below tests/."""
    return path.relative_to(TESTS).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_test_imports_helpers_from_support_only(path):
    tree = parse(path.read_text())
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    ours = {module for module in froms + names if module.partition(".")[0] == "tests"}
    allowed = ("tests.support", "tests.conftest")
    assert {module for module in ours if not module.startswith(allowed)} == set()


def test_every_test_is_in_a_folder_by_its_kind_and_support_holds_none():
    elsewhere = {path for path in TESTS.rglob("test_*.py")} - set(MODULES)
    assert elsewhere == set()
    for path in MODULES:
        assert path.stem.startswith("test_") or path.stem in ("__init__", "conftest"), path


def test_what_the_quick_run_leaves_out_is_there():
    for path in LEFT_OUT_OF_THE_QUICK_RUN:
        assert (TESTS / path).exists(), path


@pytest.mark.slow
@pytest.mark.parametrize("module", ["wire", "fast_wire"])
def test_a_local_service_starts_by_its_own_command(module):
    command = [sys.executable, "-u", "-W", "ignore", "-m", f"tests.support.{module}"]
    options = ["--port", "0"] if module == "wire" else []
    with subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True) as it:
        try:
            assert "http://127.0.0.1:" in it.stdout.readline()
        finally:
            it.kill()
