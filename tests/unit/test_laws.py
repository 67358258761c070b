"""The laws of the design: one test each, with the law as its name."""

import ast
import collections
import dataclasses
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import LEFT_OUT_OF_THE_QUICK_RUN, MAY_BE_SKIPPED
from tests.support import import_diagram
from tests.support.paths import ROOT
from tests.support.processes import printed
from tests.support.syntax import parse
from vlm_backends import CATALOGUE, TASKS, Sampling
from vlm_backends.config import Config
from vlm_backends.models import check_sampling

SOURCES = sorted(
    p for folder in ("vlm_backends", "ui", "deploy") for p in (ROOT / folder).rglob("*.py")
) + [ROOT / "app.py"]

# The layer table. Each package lists its rooms, floor by floor from the ground up: a room may import
# rooms of lower floors only. A package's own __init__ stands on the floor of its own name, if listed.
FLOORS = {
    "": [["vlm_backends"], ["ui"], ["app", "deploy"]],
    "vlm_backends": [
        ["errors", "arguments", "concurrency", "text", "table_prompts"],
        ["types", "startup"],
        ["ratelimit", "media", "owner_servers", "endings"],
        ["readers", "chains", "parsing"],
        ["tasks"],
        ["models"],
        ["intents", "config"],
        ["engines"],
        ["reply"],
        ["__init__"],
        ["snippets", "journal"],
        ["annotate", "server"],
        ["cli"],
        ["__main__"],
    ],
    "vlm_backends.media": [
        ["geometry", "palette", "files", "data_urls"],
        ["decoding"],
        ["flattening", "drawing", "matching", "merging"],
        ["images"],
        ["exports"],
    ],
    "vlm_backends.media.files": [
        ["kinds", "pages", "deep", "pdf_renderer"],
        ["animation", "heif", "pdf", "tiff"],
    ],
    "vlm_backends.media.exports": [
        ["common"],
        ["raster", "svg", "coco", "yolo", "voc", "tables", "conversation"],
        ["page"],
        ["__init__"],
    ],
    "vlm_backends.readers": [
        ["markup", "printed"],
        ["thoughts"],
        ["plain", "florence2", "kosmos2", "paligemma", "deplot"],
    ],
    "vlm_backends.engines": [
        ["wire", "http", "base"],
        ["nvidia", "openai", "local", "builtin"],
        ["__init__"],
    ],
    "vlm_backends.engines.http": [["transport", "sse"], ["decode"], ["response"], ["client"]],
    "vlm_backends.engines.wire": [["requests", "regions", "errors", "messages"], ["responses"]],
    "vlm_backends.engines.nvidia": [["api"], ["assets", "jobs", "probe"], ["__init__"]],
    "vlm_backends.engines.openai": [["listing"], ["__init__"]],
    "vlm_backends.engines.local": [
        ["errors"],
        ["checkpoints", "loader"],
        ["processors"],
        ["generation"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin": [
        [
            "colour_names",
            "code_content",
            "code_agreement",
            "code_damage",
            "networks",
            "detector_facts",
            "table_questions",
            "regions",
            "prompts",
            "question_words",
            "ocr_script",
        ],
        ["ocr", "codes", "colours", "row_matching", "sharpness"],
        ["charts", "print_notes", "quoting", "things", "masks"],
        ["documents", "nouns", "phrases"],
        ["printed_tables", "printed_sums"],
        ["pages", "chart_findings"],
        ["detecting"],
        ["referring"],
        ["text", "masking", "finding", "description", "tables"],
        ["findings", "overview"],
        ["tasks"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin.documents": [
        ["pieces", "odd_numbers", "leaning"],
        ["upright", "heads", "grid"],
        ["rules"],
        ["columns", "ruled", "marks", "raised"],
        ["rows"],
        ["aligned"],
        ["tables"],
        ["parts"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin.masks": [
        ["windows", "people", "outlines"],
        ["cuts", "judging", "holes"],
        ["cutting"],
        ["pointing"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin.things": [
        ["categories", "boxes"],
        ["detector"],
        ["own", "second_looks"],
        ["source"],
        ["finding"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin.table_questions": [
        ["figures", "words"],
        ["names"],
        ["grammar"],
        ["kinds"],
        ["answers"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin.ocr": [
        ["scripts", "frames", "doubts", "marks", "levelling"],
        ["networks", "reading_order"],
        ["detection", "recognition"],
        ["lines"],
        ["__init__"],
    ],
    "vlm_backends.engines.builtin.charts": [
        ["alignment", "bars", "colours", "covered_lines", "errors"],
        ["axes", "axis_ends", "bleaching", "strokes"],
        [
            "titles",
            "labels",
            "print_boxes",
            "curves",
            "sectors",
            "cut_bars",
            "bar_ends",
            "overlays",
            "legend_words",
            "short_labels",
        ],
        ["legends", "scales", "categories", "values"],
        ["plot_area", "areas", "series_names", "kinds", "checks", "grouping"],
        ["tabulation", "bar_likes"],
        ["bar_charts", "ticks", "second_look", "name_checks"],
        ["plots", "pies"],
        ["drawn_lines"],
        ["lines"],
        ["readings"],
    ],
    "vlm_backends.snippets": [["http_calls"], ["python", "shell"], ["in_process"], ["__init__"]],
    "vlm_backends.annotate": [
        ["parquet", "jsonl"],
        ["sources"],
        ["runner"],
        ["records", "archive"],
        ["ray"],
        ["command"],
        ["__main__"],
    ],
    "vlm_backends.server": [
        ["fields"],
        ["requests", "workers", "bodies"],
        ["errors", "responses"],
        ["streaming"],
        ["app"],
        ["__main__"],
    ],
    "ui.core": [
        ["events", "gradio_compat", "markdown"],
        ["storage", "limits"],
        ["session", "shutdown", "uploads"],
    ],
    "ui.state": [
        [
            "phase",
            "links",
            "replies",
            "rendering",
            "candidates",
            "availability",
            "editing",
            "offers",
            "agreements",
        ],
        [
            "task_plan",
            "batch",
            "conversation",
            "comparison",
            "engine_choices",
            "opening",
            "key_check",
        ],
        ["task_run"],
        ["history"],
    ],
    "ui.components": [
        [
            "viewer",
            "presenter",
            "header",
            "engine_panel",
            "fallback",
            "download_offer",
            "availability_table",
            "model_line",
            "offers",
            "samples",
            "task_picker",
            "views",
        ],
        ["result_panel", "theme", "history_menu"],
        ["chart"],
    ],
    "ui.tabs": [
        ["fields", "settings", "run_fields"],
        ["chat_runner", "task_runner", "compare_runner"],
        ["attachments", "task_pictures", "download", "batch"],
        ["task_choice"],
        ["chat", "task", "compare"],
        ["opening", "history", "elsewhere"],
    ],
    "ui.api": [["endpoints"], ["mcp"]],
    "ui.web": [["middleware"]],
    "ui": [
        ["core"],
        ["state"],
        ["components"],
        ["tabs", "api", "web"],
        ["__init__"],
    ],
}
MOST_ROOMS = 12  # on a floor
THIRD_PARTY = {
    "vlm_backends.media.files.animation": {"PIL"},
    "vlm_backends.media.files.deep": {"PIL"},
    "vlm_backends.media.files.heif": {"PIL", "pi_heif"},  # imported when such a file comes
    "vlm_backends.media.files.pdf": {"PIL"},
    "vlm_backends.media.files.pdf_renderer": {"pypdfium2"},  # a program of its own
    "vlm_backends.media.decoding": {"PIL"},
    "vlm_backends.media.flattening": {"PIL"},
    "vlm_backends.media.images": {"PIL"},
    "vlm_backends.media.drawing": {
        "PIL",
        "numpy",
        "cv2",
    },  # the last two inside the functions that draw
    "vlm_backends.media.exports.raster": {"PIL"},
    "vlm_backends.engines.http.client": {"requests"},
    "vlm_backends.engines.http.response": {"requests", "urllib3"},
    "vlm_backends.engines.http.transport": {"requests", "urllib3"},
    "vlm_backends.engines.http.decode": {"orjson"},
    "vlm_backends.engines.builtin": {
        "PIL",
        "numpy",
        "cv2",
        "onnxruntime",
        "rapidocr",
        "rapidfuzz",
        "zxingcpp",
    },
    "vlm_backends.engines.builtin.weights.make": {"numpy", "onnx"},
    "vlm_backends.engines.local": {
        "PIL",
        "numpy",
        "torch",
        "transformers",
        "huggingface_hub",
        "tqdm",
        "spaces",
    },
    "vlm_backends.annotate.jsonl": {"filelock"},
    "vlm_backends.annotate.parquet": {"pyarrow"},  # inside the functions that read such tables
    "vlm_backends.annotate.ray": {"ray"},
    "vlm_backends.annotate.command": {"tqdm"},
    "vlm_backends.server": {"fastapi", "uvicorn"},
    "ui": {"gradio", "pandas", "starlette"},  # gradio's own tables are pandas'
    "ui.components.chart": {"gradio", "pandas", "altair"},
    "deploy": {"fastapi", "pydantic", "ray"},
    "app": set(),
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The modules that a file imports, by their full names; the names of a package's front page are that package."""
    found = set()
    modules = {module_of(source) for source in SOURCES}
    for node in ast.walk(parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module for name in names}
    return found


def floor_of(package: str, room: str) -> int:
    for floor, rooms in enumerate(FLOORS.get(package, ())):
        if room in rooms:
            return floor
    raise AssertionError(f"{room} has no floor in {package or 'the project'}")


def steps(module: str) -> list[str]:
    """The rooms that one walks through to the module; a package ends in its front page."""
    return (
        [*module.split("."), "__init__"]
        if (ROOT / module.replace(".", "/")).is_dir()
        else module.split(".")
    )


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_import_law(path):
    module = module_of(path)
    mine = steps(module)
    allowed = max(
        (entry for entry in THIRD_PARTY if module == entry or module.startswith(entry + ".")),
        key=len,
        default="",
    )
    for imported in imports(path):
        top = imported.partition(".")[0]
        if top in ("vlm_backends", "ui", "app", "deploy"):
            theirs = steps(imported)
            shared = next(i for i, (a, b) in enumerate(zip(mine, theirs)) if a != b)
            package = ".".join(mine[:shared])
            below = floor_of(package, theirs[shared]) < floor_of(package, mine[shared])
            assert below, f"{module} imports {imported}"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY.get(allowed, set()), f"{module} imports {top}"


def test_every_room_has_a_floor_and_no_floor_is_crowded():
    for package, floors in FLOORS.items():
        rooms = [room for floor in floors for room in floor]
        assert len(rooms) == len(set(rooms)) and max(map(len, floors)) <= MOST_ROOMS
        if package:
            folder = ROOT / package.replace(".", "/")
            there = {path.stem for path in folder.glob("*.py")} | {
                path.parent.name for path in folder.glob("*/__init__.py")
            }
            assert set(rooms) | {"__init__"} == there | {"__init__"}, package


def test_the_architecture_page_shows_this_table():
    """docs/architecture.md draws the floors of the two packages."""
    again = "run `python -m tests.support.import_diagram`"
    assert import_diagram.shown() == import_diagram.diagram(FLOORS), again


def test_light_law():
    code = (
        "import sys, vlm_backends; vlm_backends.connect({}).models();"
        "print([m for m in ('gradio', 'numpy', 'cv2', 'torch', 'transformers', 'rapidocr', 'onnxruntime') if m in sys.modules])"
    )
    assert printed(code) == "[]"


def test_catalogue_law():
    assert len({model.id for model in CATALOGUE}) == len(CATALOGUE)
    assert len({model.title for model in CATALOGUE}) == len(CATALOGUE)
    assert len({model.id.rpartition("/")[2] for model in CATALOGUE}) == len(CATALOGUE)
    for model in CATALOGUE:
        assert model.samples and all(
            (ROOT / "assets" / sample).is_file() for sample in model.samples
        )
        assert model.tasks or len(model.prompts) == len(model.samples)
        assert model.sampling is None or check_sampling(model, model.sampling)
        if model.hosted:
            assert model.link.startswith("https://build.nvidia.com/")
            assert model.url.startswith("https://")
            assert model.hosted.checked.count("-") == 2 and model.hosted.why
    assert len(TASKS) == len({task.token for task in TASKS}) == 14


def test_readme_law():
    """The README's table of models is the catalogue, row for row; docs/models.md has its tasks and weights."""
    readme = (ROOT / "README.md").read_text()
    page = (ROOT / "docs/models.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| **")]
    assert [row.split("|")[1].strip().strip("*") for row in rows] == [
        model.title for model in CATALOGUE
    ]
    for row, model in zip(rows, CATALOGUE):
        assert f"`{model.id}`" in row and model.publisher in row
        assert model.hosted is None or model.hosted.checked in row
    for task in TASKS:
        assert f"`{task.token}`" in page
    for weights in (model.weights for model in CATALOGUE if model.weights):
        row = next(
            line
            for line in page.splitlines()
            if f"`{weights.id}`" in line and f" {weights.gigabytes:g} GB " in line
        )
        assert f"| {weights.licence} |" in row and ("(gated)" in row) == weights.gated


def reads_environment(path: Path) -> bool:
    """True for a module that looks at a variable; setting one for a library is no look."""
    tree = parse(path.read_text())
    set_here = {
        id(node.value if isinstance(node, ast.Subscript) else node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        or isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "setdefault"
    }
    return any(
        isinstance(node, (ast.Attribute, ast.Name))
        and getattr(node, "attr", getattr(node, "id", "")) in ("environ", "getenv", "environb")
        and id(node) not in set_here
        for node in ast.walk(tree)
    )


def test_environment_law():
    """The environment is read in one module, once for each process: `vlm_backends.config`."""
    assert {module_of(path) for path in SOURCES if reads_environment(path)} == {
        "vlm_backends.config",
        "vlm_backends.media.files.pdf",  # no setting: what a child process needs to start
    }


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Config)])
def test_each_setting_is_read_by_some_module(name):
    """A field that nobody reads would be a setting that is ignored silently."""
    readers = {
        module_of(path)
        for path in SOURCES
        for node in ast.walk(parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == name
        if isinstance(node.value, (ast.Name, ast.Attribute)) and "config" in ast.unparse(node.value)
    }
    assert readers - {"vlm_backends.config"}


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_size_law(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    assert max(map(len, text.splitlines())) <= 100
    for node in ast.walk(parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 40, f"{path}: {node.name}"


@pytest.mark.parametrize("path", sorted((ROOT / "ui" / "static").iterdir()), ids=lambda p: p.name)
def test_size_law_for_scripts_and_styles(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    assert max(map(len, text.splitlines())) <= 100


def documented(tree: ast.Module) -> list:
    """Return the public classes and functions of a module, without what a function or a private class holds."""
    found, bodies = [], [tree.body]
    while bodies:
        for node in bodies.pop():
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if not node.name.startswith("_"):
                found.append(node)
                bodies += [node.body] if isinstance(node, ast.ClassDef) else []
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_docstring_law(path):
    """Every module, public class and public function has a docstring that says what it is or does."""
    tree = parse(path.read_text())
    for node in [tree, *documented(tree)]:
        text = ast.get_docstring(node)
        where = f"{path}: {getattr(node, 'name', 'the module')}"
        assert text, where
        questions = "What", "Where", "Whether", "Which", "Who", "Why", "How", "That"
        assert text.split()[0] not in questions, where


def test_no_two_classes_share_a_name():
    found = collections.defaultdict(set)
    for path in SOURCES:
        for node in ast.walk(parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name.strip("_")].add(module_of(path))
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("bad", [dict(max_tokens=0), dict(max_tokens=10**9), dict(temperature=-1), dict(temperature=9.0),
                                 dict(top_p=0.0), dict(top_p=float("nan")), dict(seed=-1), dict(seed=2**64), dict(max_tokens=10**400), dict(seed=-(10**400))])  # fmt: skip
def test_sampling_outside_of_a_models_limits_is_refused(bad):
    from vlm_backends import BadPrompt

    good = dict(max_tokens=10, temperature=0.5, top_p=0.5, seed=None)
    for model in CATALOGUE:
        assert check_sampling(model, Sampling(**good))
        with pytest.raises(BadPrompt, match=next(iter(bad))):
            check_sampling(model, Sampling(**{**good, **bad}))


def test_ci_runs_what_the_quick_tests_may_skip():
    """`pytest --rest` runs each file in which a test may be skipped: there a skipped test fails."""
    folder = ROOT / "tests"
    skips = re.compile(r"importorskip\(|skipif\(|pytest\.skip\(")
    for path in folder.rglob("test_*.py"):
        place = path.relative_to(folder).as_posix()
        if place != "unit/test_laws.py" and skips.search(path.read_text()):
            assert place.startswith((*LEFT_OUT_OF_THE_QUICK_RUN, *MAY_BE_SKIPPED)), place


@pytest.mark.parametrize(
    "path", sorted((ROOT / "ui" / "static").glob("*.css")), ids=lambda p: p.name
)
def test_no_style_has_a_comma_inside_parentheses_of_a_selector(path):
    """Gradio writes its own class before each part of a selector, also inside of `:has(a, b)`."""
    bare = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", bare)
    split = [s.strip() for s in selectors if "@" not in s and re.search(r"\([^()]*,", s)]
    assert not split
