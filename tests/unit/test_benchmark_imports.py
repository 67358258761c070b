"""The benchmarks follow the code: what they take from this project exists, though no test runs them."""

import ast
import importlib
from types import ModuleType

import pytest

from tests.support.paths import ROOT
from tests.support.syntax import parse

OURS = "vlm_backends", "ui", "tests", "benchmarks"
SOURCES = sorted((ROOT / "benchmarks").glob("*.py"))


def imported_modules(tree: ast.Module) -> dict[str, ModuleType]:
    """Import what a file imports of this project; return the modules by their names in the file.

    Raises AssertionError for a name that does not exist.
    """
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] not in OURS:
            continue
        try:
            module = importlib.import_module(node.module)
        except ModuleNotFoundError as error:  # such as torch, which the quick tests do without
            assert error.name.split(".")[0] not in OURS, f"there is no {error.name}"
            continue
        for alias in node.names:
            value = getattr(module, alias.name, None)  # may be empty, which counts as false
            value = submodule(f"{node.module}.{alias.name}") if value is None else value
            if isinstance(value, ModuleType):
                found[alias.asname or alias.name] = value
    return found


def submodule(name: str) -> ModuleType | None:
    """Import a submodule; None when it needs a package that is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert error.name.split(".")[0] not in OURS, f"there is no {error.name}"
        return None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_a_benchmark_takes_exists(path):
    tree = parse(path.read_text())
    modules = imported_modules(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            assert module is None or hasattr(module, node.attr), f"{node.value.id}.{node.attr}"
