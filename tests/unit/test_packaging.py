"""What is installed: requirements files equal to pyproject.toml, and a wheel that carries the package alone."""

import json
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import vlm_backends
from vlm_backends.cli import COMMANDS, main

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

ROOT = Path(__file__).parents[2]
EXTRAS = "local", "ray", "mcp", "dev"
NOT_IN_THE_WHEEL = "ui", "tests", "benchmarks", "deploy", "assets", "docs", "app.py"


def project() -> dict:
    if tomllib is None:
        pytest.skip("Python 3.10 cannot read TOML")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(name: str) -> set[str]:
    """The requirements of a file, without comments, spelled as pyproject.toml spells them."""
    lines = ((line.partition("#")[0]).strip() for line in (ROOT / name).read_text().splitlines())
    return {line.replace('"', "'") for line in lines if line}


def test_requirements_are_the_dependencies_and_the_page():
    found = project()
    wanted = [*found["dependencies"], *found["optional-dependencies"]["ui"]]
    assert len(wanted) == len(set(wanted)) and requirements("requirements.txt") == set(wanted)


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_is_a_file_of_requirements(extra):
    found = requirements(f"requirements-{extra}.txt")
    if extra == "dev":  # what the extra takes from another extra, the file takes from another file
        found = {{"-r requirements.txt": "vlm-showcase[ui]"}.get(line, line) for line in found}
    assert found == set(project()["optional-dependencies"][extra])


def test_every_file_of_requirements_and_every_extra_is_compared():
    files = {path.name for path in ROOT.glob("requirements*.txt")}
    assert files == {"requirements.txt", *(f"requirements-{extra}.txt" for extra in EXTRAS)}
    assert set(project()["optional-dependencies"]) == {*EXTRAS, "ui"}


def test_the_version_stands_in_one_place(capsys):
    assert project()["dynamic"] == ["version"] and "version" not in project()
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"vlm {vlm_backends.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_under_its_own_name(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0 and f"usage: vlm {command} " in capsys.readouterr().out


@pytest.mark.parametrize("given", [[], ["fly"], ["--nonsense"]])
def test_a_command_that_does_not_exist_shows_those_that_do(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2 and "usage: vlm " in capsys.readouterr().err


def test_ask_prints_the_answer_as_json(capsys):
    picture = str(ROOT / "assets/chart.png")
    assert main(["ask", "google/deplot", picture, "--engine", "embedded", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == [
        "engine",
        "model",
        "task",
        "text",
        "regions",
        "rows",
        "note",
        "thought",
        "finish",
        "sent",
        "time",
    ]
    assert printed["rows"][1] == ["2018", "1.8"] and printed["time"]["total_s"] > 0


@pytest.mark.slow
def test_the_wheel_carries_the_package_and_nothing_else(tmp_path):
    if not find_spec("setuptools"):
        pytest.skip("setuptools is not installed: see requirements-dev.txt")
    source = tmp_path / "source"
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "assets")
    shutil.copytree(ROOT, source, ignore=unwanted)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*command, "-w", str(tmp_path), str(source)], check=True, timeout=300)
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name == f"vlm_showcase-{vlm_backends.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = next(name for name in archive.namelist() if "entry_points" in name)
        assert "vlm = vlm_backends.cli:main" in archive.read(entry_points).decode()
    package = ROOT / "vlm_backends"
    files = (path for path in package.rglob("*") if path.is_file())
    ours = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    assert names == ours and "vlm_backends/py.typed" in names
    assert any(name.endswith(".ttf") for name in names)
    assert not any(name.split("/")[0] in NOT_IN_THE_WHEEL for name in names)


def test_scripts_may_import_the_former_name_of_a_module():
    from vlm_backends import chains
    from vlm_backends.media import geometry, merging

    assert chains.grounded is merging.grounded and chains.attached is merging.attached
    assert chains.corners is geometry.corners
