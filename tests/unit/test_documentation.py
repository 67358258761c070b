"""The documents keep to the code: links and paths exist, variables and commands are documented."""

import re
import sys

import pytest
import requests

from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.processes import running
from vlm_backends.cli import COMMANDS, ask_options

DOCS = sorted(ROOT.glob("docs/*.md"))
PAGES = [
    *DOCS,
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")),
]
PAGES += [ROOT / "deploy" / "README.md"]
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
FOLDERS = "vlm_backends", "ui", "tests", "docs", "deploy", "benchmarks", "assets", ".ci", ".github"
PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`")
VARIABLE = re.compile(r'"((?:VLM|NVIDIA|GRADIO_SERVER|GRADIO_TEMP|API_KEY)_[A-Z_]+)"')
MOST_LINES = 150  # of the README


def anchors(page) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in LINK.findall(text) + PICTURE.findall(text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_that_are_named_exist(page):
    for path in PATH.findall(page.read_text()):
        assert (ROOT / path).exists(), path


def test_the_readme_is_short_and_links_every_page():
    readme = (ROOT / "README.md").read_text()
    assert readme.count("\n") <= MOST_LINES and len(PICTURE.findall(readme)) == 1
    for page in DOCS:
        assert f"(docs/{page.name})" in readme, page.name


def test_the_readme_has_the_two_commands_that_ci_runs():
    readme = (ROOT / "README.md").read_text()
    for heading, command in (
        ("Run it", "pip install -r requirements.txt && python app.py"),
        ("Test it", "pip install -r requirements-dev.txt && pytest"),
    ):
        assert f"## {heading}\n\n```\n{command}\n```\n" in readme
        assert f'readme "{heading}"' in (ROOT / ".ci" / "run").read_text()


def test_every_variable_is_documented():
    page = (ROOT / "docs" / "configuration.md").read_text()
    sources = (path for folder in ("vlm_backends", "ui") for path in (ROOT / folder).rglob("*.py"))
    read = {name for path in sources for name in VARIABLE.findall(path.read_text())}
    assert len(read) > 10
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []


def test_every_command_is_documented():
    page = (ROOT / "docs" / "api.md").read_text()
    assert [name for name in COMMANDS if f"| `vlm {name}" not in page] == []


def test_every_topic_of_the_benchmarks_is_documented():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    topics = [path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")]
    assert [name for name in topics if f"| `{name}` |" not in page] == []


def test_the_options_of_ask_have_help():
    assert all(action.help for action in ask_options()._actions)


def test_the_local_server_of_contributing_starts():
    assert "python -m tests.support.wire --port 8808" in (ROOT / "CONTRIBUTING.md").read_text()
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "tests.support.wire", "--port", str(port)]
    with running(command, f"{address}/v1/models"):
        assert requests.get(f"{address}/v1/models", timeout=10).ok
