"""The laws of the design: one test each, with the law as its name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from vlm_backends import CATALOGUE, TASKS, Sampling
from vlm_backends.models import check_sampling

ROOT = Path(__file__).parent.parent
SOURCES = sorted(p for folder in ("vlm_backends", "ui", "deploy") for p in (ROOT / folder).rglob("*.py")) + [ROOT / "app.py"]

LAYERS = {  # every module has its place; imports go down only
    "vlm_backends.errors": -1, "vlm_backends.types": 0,
    "vlm_backends.readers.markup": 0, "vlm_backends.readers": 1, "vlm_backends.media.decoding": 1, "vlm_backends.media.drawing": 1,
    "vlm_backends.media.geometry": 1, "vlm_backends.media.merging": 1, "vlm_backends.media.matching": 1,
    "vlm_backends.arguments": 1, "vlm_backends.annotate.jsonl": 1, "vlm_backends.addresses": 1, "vlm_backends.allocator": 1,
    "vlm_backends.reply": 2, "vlm_backends.models": 2, "vlm_backends.media.images": 2,
    "vlm_backends.media.exports": 3, "vlm_backends.annotate.sources": 4,
    "vlm_backends.engines": 3, "vlm_backends.intents": 3, "vlm_backends.annotate.parquet": 3,
    "vlm_backends": 4, "vlm_backends.snippets": 4,
    "vlm_backends.ratelimit": 4, "vlm_backends.journal": 4,
    "vlm_backends.annotate.runner": 5, "vlm_backends.__main__": 5, "vlm_backends.server": 5,
    "vlm_backends.server": 6, "vlm_backends.annotate.records": 6, "vlm_backends.annotate.ray": 7, "vlm_backends.annotate": 8,
    "ui": 6, "app": 7, "deploy": 7,
}  # fmt: skip
THIRD_PARTY = {
    "vlm_backends.media.decoding": {"PIL"},
    "vlm_backends.media.images": {"PIL"},
    "vlm_backends.media.drawing": {"PIL", "numpy", "cv2"},  # the last two inside the functions that draw
    "vlm_backends.media.exports": {"PIL"},
    "vlm_backends.engines.http.client": {"requests", "urllib3"},
    "vlm_backends.engines.http.transport": {"requests", "urllib3"},
    "vlm_backends.engines.http.decode": {"orjson"},
    "vlm_backends.engines.nvidia": {"requests"},  # the name of the response's type
    "vlm_backends.engines.builtin": {"PIL", "numpy", "cv2", "rapidocr"},
    "vlm_backends.engines.local": {"PIL", "numpy", "torch", "transformers", "huggingface_hub", "tqdm", "spaces"},
    "vlm_backends.annotate.jsonl": {"filelock"},
    "vlm_backends.annotate.parquet": {"pyarrow"},  # inside the functions that read such tables
    "vlm_backends.annotate.ray": {"ray"},
    "vlm_backends.annotate": {"tqdm"},
    "vlm_backends.server": {"fastapi"},
    "vlm_backends.server": {"fastapi", "uvicorn"},
    "ui": {"gradio", "pandas", "starlette"},  # gradio's own tables are pandas'
    "ui.components.chart": {"gradio", "pandas", "altair"},
    "deploy": {"fastapi", "pydantic", "ray"},
    "app": set(),
}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def place(module: str) -> tuple[str, int]:
    """The longest entry of the layer table that holds the module."""
    names = [name for name in LAYERS if module == name or name != "vlm_backends" and module.startswith(name + ".")]
    assert names, f"{module} has no place in the layer table"
    name = max(names, key=len)
    return name, LAYERS[name]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or path.parent.name == "embedded", f"{path}: relative import"
            if node.level:
                found.add(f"{module_of(path.parent / '__init__.py')}.{node.module or ''}".rstrip("."))
            elif node.module in ("vlm_backends", "vlm_backends.engines", "vlm_backends.readers", "ui"):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                modules = {module_of(source) for source in SOURCES}
                found |= {name if name in modules else node.module for name in names}
            else:
                found.add(node.module)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_import_law(path):
    module = module_of(path)
    name, layer = place(module)
    allowed = max(
        (entry for entry in THIRD_PARTY if module == entry or module.startswith(entry + ".")), key=len, default=""
    )
    for imported in imports(path):
        top = imported.partition(".")[0]
        if top in ("vlm_backends", "ui"):
            other, below = place(imported)
            same = other == name and layer in (3, 4, 5, 6) or module.rpartition(".")[0] == imported == other
            assert below < layer or same, f"{module} (layer {layer}) imports {imported} (layer {below})"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY.get(allowed, set()), f"{module} imports {top}"


def printed(code: str) -> str:
    """What a new process says that runs this code."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


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
        assert model.samples and all((ROOT / "assets" / sample).is_file() for sample in model.samples)
        assert model.tasks or len(model.prompts) == len(model.samples)
        assert model.sampling is None or check_sampling(model, model.sampling)
        assert model.link.startswith("https://build.nvidia.com/") and model.url.startswith("https://")
        assert model.hosted.checked.count("-") == 2 and model.hosted.why
    assert len(TASKS) == len({task.token for task in TASKS}) == 14


def test_readme_law():
    """The README's table of models is the catalogue, row for row."""
    readme = (ROOT / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| **")]
    assert [row.split("|")[1].strip().strip("*") for row in rows] == [model.title for model in CATALOGUE]
    for row, model in zip(rows, CATALOGUE):
        assert f"`{model.id}`" in row and model.publisher in row and model.hosted.checked in row
    for task in TASKS:
        assert f"`{task.token}`" in readme
    for weights in (model.weights for model in CATALOGUE if model.weights):
        row = next(line for line in readme.splitlines() if f"`{weights.id}`" in line and f" {weights.gigabytes:g} GB " in line)
        assert f"| {weights.licence} |" in row and ("(gated)" in row) == weights.gated


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_size_law(path):
    text = path.read_text()
    assert text.count("\n") <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 40, f"{path}: {node.name}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_docstring_law(path):
    """Every module and every public function says what it is."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), path
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            nested = any(node in ast.walk(other) for other in ast.walk(tree)
                         if isinstance(other, (ast.FunctionDef, ast.AsyncFunctionDef)) and other is not node)  # fmt: skip
            hidden = any(isinstance(other, ast.ClassDef) and other.name.startswith("_") and node in other.body
                         for other in ast.walk(tree))  # fmt: skip
            assert nested or hidden or ast.get_docstring(node), f"{path}: {node.name}"


@pytest.mark.parametrize("bad", [dict(max_tokens=0), dict(max_tokens=10**9), dict(temperature=-1), dict(temperature=9.0),
                                 dict(top_p=0.0), dict(top_p=float("nan")), dict(seed=-1), dict(seed=2**64), dict(max_tokens=10**400), dict(seed=-(10**400))])  # fmt: skip
def test_sampling_outside_of_a_models_limits_is_refused(bad):
    from vlm_backends import BadPrompt

    good = dict(max_tokens=10, temperature=0.5, top_p=0.5, seed=None)
    for model in CATALOGUE:
        assert check_sampling(model, Sampling(**good))
        with pytest.raises(BadPrompt, match=next(iter(bad))):
            check_sampling(model, Sampling(**{**good, **bad}))
