"""Open weights on this machine: tiny random checkpoints by the path that real ones take.

Needs requirements-local.txt; skipped without it. `.ci/run` installs it and allows no skip.
"""

import copy
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed: see requirements-local.txt")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed: see requirements-local.txt"
)

from tests.support import checkpoints as tiny  # noqa: E402
from tests.support.fake_hub import hub  # noqa: E402
from tests.support.paths import ASSETS  # noqa: E402
from vlm_backends import (  # noqa: E402
    CATALOGUE,
    TASKS,
    BadPrompt,
    CancelToken,
    Embedded,
    MissingKey,
    Prompt,
    Refused,
    Sampling,
    Turn,
    Unreachable,
    VLMError,
    ask,
    connect,
    find_model,
    find_task,
    read,
    write_task,
)
from vlm_backends.concurrency import run_with_progress  # noqa: E402
from vlm_backends.engines.local import (  # noqa: E402
    Local,
    checkpoints,
    errors,
    generation,
    loader,
    processors,
)
from vlm_backends.media import images  # noqa: E402
from vlm_backends.readers import florence2, kosmos2  # noqa: E402

pytestmark = pytest.mark.local
SIGN, CHART, CAT = (read(ASSETS / name) for name in ("sign.jpg", "chart.png", "cat.jpg"))
LLAVA, FLORENCE = find_model("nvidia/neva-22b"), find_model("microsoft/florence-2")
GREEDY = Sampling(24, 0.0, 1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    transformers.utils.logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("weights")
    tiny.build(root)
    return root


@pytest.fixture(scope="module")
def engine(folder) -> Local:
    return connect({"VLM_WEIGHTS": str(folder), "VLM_ENGINE": "local", "VLM_RESIDENTS": "3"})


def question(text="What is this?", picture=SIGN, sampling=GREEDY) -> Prompt:
    return Prompt((Turn("user", text, (picture,)),), sampling)


def said(engine, model, prompt, stop=None) -> str:
    return "".join(chunk.text for chunk in engine.stream(model, prompt, stop))


@pytest.mark.parametrize("id", [id for id in tiny.FAMILIES if id != FLORENCE.id])
def test_every_family_answers_in_a_stream(engine, id):
    model = find_model(id)
    chunks = list(engine.stream(model, question(model.prompts[0], CHART)))
    pieces = [chunk for chunk in chunks if chunk.text]
    assert len(pieces) > model.streams, (
        "the words come as they are made"
    )  # Kosmos-2's noise here is one long word
    assert f"VLM_WEIGHTS/{id}" in chunks[0].note and chunks[0].sent.way is None
    assert ("LLaVA 1.5 answers" in chunks[0].note) == (model == LLAVA)
    *_, answer = ask(engine, model, question(model.prompts[0], CHART))
    assert answer.text and answer.status == ""


@pytest.mark.parametrize("id", tiny.SUCCESSORS)
def test_their_successors_answer_too(tmp_path, id):
    tiny.build(tmp_path, {id: tiny.SUCCESSORS[id]})
    model = find_model(id)
    assert said(Local(tmp_path), model, question(model.prompts[0]))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.token)
def test_every_task_answers(engine, task):
    text = write_task(task, "a dog", (0.1, 0.1, 0.9, 0.9))
    chunks = [
        chunk
        for chunk in engine.stream(FLORENCE, Prompt((Turn("user", text, (SIGN,)),)))
        if chunk.text
    ]
    spoken = task.token in ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>", "<OCR>")
    assert (len(chunks) > 1) == spoken, (
        "captions and print are streamed; what needs three beams is not"
    )
    *_, answer = ask(engine, FLORENCE, Prompt((Turn("user", text, (SIGN,)),)), task)
    assert all(0 <= v <= 1 for region in answer.regions for point in region.outline for v in point)


def test_the_same_question_gets_the_same_answer(engine):
    assert said(engine, LLAVA, question()) == said(engine, LLAVA, question())
    warm = Sampling(24, 1.0, 1.0, seed=7)
    assert said(engine, LLAVA, question(sampling=warm)) == said(
        engine, LLAVA, question(sampling=warm)
    )
    others = {
        said(engine, LLAVA, question(sampling=Sampling(24, 1.0, 1.0, seed=i))) for i in range(4)
    }
    assert len(others) > 1, "the seed is not used"


def test_a_longer_answer_is_longer(engine):
    short, long = (said(engine, LLAVA, question(sampling=Sampling(n, 0.0, 1.0))) for n in (3, 60))
    assert long.startswith(short[:-1]) and len(long) > len(short)


def test_a_conversation_goes_by_the_template_with_all_its_turns(engine):
    turns = (
        Turn("user", "What is it?", (CAT,)),
        Turn("assistant", "A cat."),
        Turn("user", "What colour?"),
    )
    asked = processors._chat(_loaded(engine, LLAVA).processor, turns)
    text = _loaded(engine, LLAVA).tokenizer.decode(asked["input_ids"][0])
    assert (
        text.index("What is it?")
        < text.index("A cat.")
        < text.index("What colour?")
        < text.rindex("assistant:")
    )
    assert asked["pixel_values"].shape[0] == 1
    assert said(engine, LLAVA, Prompt(turns, GREEDY))


def test_several_pictures_reach_the_network_in_their_order(engine):
    loaded = _loaded(engine, find_model("meta/llama-3.2-11b-vision-instruct"))
    one, two = (
        processors._chat(loaded.processor, (Turn("user", "Compare", pair),))
        for pair in ((CAT, SIGN), (SIGN, CAT))
    )
    assert one["pixel_values"].shape[1] == 2
    assert torch.equal(one["pixel_values"][0, 0], two["pixel_values"][0, 1])
    assert not torch.equal(one["pixel_values"], two["pixel_values"])


def _loaded(engine, model) -> loader.LoadedModel:
    said(engine, model, question())
    return loader.get_loaded(str(engine.folder / model.id))


def test_deplots_patches_are_the_librarys_own(engine, monkeypatch):
    """The library fetches a font; with ours put in its place, both paths draw the same header into the same patches."""
    import transformers.models.pix2struct.image_processing_pil_pix2struct as library

    processor, text = (
        _loaded(engine, find_model("google/deplot")).processor,
        "Generate underlying data table:",
    )
    ours = processors._pix2struct(processor, (Turn("user", text, (CHART,)),))
    render = library.render_text
    monkeypatch.setattr(
        library,
        "render_text",
        lambda text, font_bytes=None, font_path=None, **rest: render(
            text, font_path=str(processors._FONT), **rest
        ),
    )
    theirs = processor(
        images=images.pixels(CHART), text=text, return_tensors="pt", max_patches=2048
    )
    assert torch.equal(ours["flattened_patches"], theirs["flattened_patches"])
    assert torch.equal(ours["attention_mask"], theirs["attention_mask"])


def _detections(seed: int) -> Iterator[str]:
    """Florence-2's detections at random: a label, and one or two boxes."""
    dice = random.Random(seed)
    for _ in range(200):
        labels = dice.choices(
            ["car", "a black dog", "traffic light", "no. 7", "x-y"], k=dice.randint(0, 5)
        )
        marks = [
            "".join(f"<loc_{dice.randrange(1000)}>" for _ in range(dice.choice([4, 4, 8])))
            for _ in labels
        ]
        yield "</s><s>" + "".join(map("".join, zip(labels, marks))) + "</s>"


@pytest.mark.parametrize("token", ["<OD>", "<DENSE_REGION_CAPTION>"])
def test_florence_boxes_are_read_as_the_library_reads_them(engine, token):
    processor = _florence_processor(engine)
    for reply in _detections(1):
        theirs = processor.post_process_generation(reply, task=token, image_size=(1000, 1000))[
            token
        ]
        mine = florence2.boxes(reply).regions
        assert [region.label for region in mine] == theirs["labels"], reply
        for region, (x0, y0, x1, y1) in zip(mine, theirs["bboxes"], strict=True):
            expected = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
            assert np.allclose(
                [v * 1000 for point in region.outline[::2] for v in point], expected, atol=0.6
            ), reply


def test_florence_quads_are_read_as_the_library_reads_them(engine):
    processor, dice = _florence_processor(engine), random.Random(3)
    for _ in range(100):
        words = dice.sample(["EXIT", "Platform 9", "2.40", "no entry"], dice.randint(1, 4))
        reply = (
            "</s><s>"
            + "".join(w + "".join(f"<loc_{dice.randrange(1000)}>" for _ in range(8)) for w in words)
            + "</s>"
        )
        theirs = processor.post_process_generation(
            reply, task="<OCR_WITH_REGION>", image_size=(1000, 1000)
        )["<OCR_WITH_REGION>"]
        mine = florence2.quads(reply).regions
        assert [region.label for region in mine] == [
            label.replace("</s>", "") for label in theirs["labels"]
        ]
        for region, quad in zip(mine, theirs["quad_boxes"], strict=True):
            assert np.allclose(
                [v * 1000 for point in region.outline for v in point], quad, atol=0.6
            )


def test_kosmos_is_read_as_the_library_reads_it(engine):
    processor, dice = (
        _loaded(engine, find_model("microsoft/kosmos-2")).processor,
        random.Random(5),
    )
    for _ in range(200):
        reply, phrases = (
            "",
            dice.sample(["a dog", "two cats", "the red car", "a man"], dice.randint(1, 3)),
        )
        for phrase in phrases:
            first, second = dice.randrange(1024), dice.randrange(1024)
            (ya, xa), (yb, xb) = divmod(first, 32), divmod(second, 32)
            first, second = min(ya, yb) * 32 + min(xa, xb), max(ya, yb) * 32 + max(xa, xb)
            reply += f" and<phrase> {phrase}</phrase><object><patch_index_{first:04d}><patch_index_{second:04d}></object>"
        text, entities = processor.post_process_generation("<grounding>" + reply + ".")
        mine = kosmos2.read("<grounding>" + reply + ".")
        assert mine.text == text
        assert [region.label for region in mine.regions] == [phrase for phrase, _, _ in entities]
        for region, (_, _, [(x0, y0, x1, y1)]) in zip(mine.regions, entities, strict=True):
            assert np.allclose(
                [*region.outline[0], *region.outline[2]], [x0, y0, x1, y1], atol=1e-6
            )


def _florence_processor(engine):
    list(engine.stream(FLORENCE, Prompt((Turn("user", "<OCR>", (SIGN,)),))))
    return loader.get_loaded(str(engine.folder / FLORENCE.id)).processor


def test_stop_ends_the_generation_within_a_step(engine):
    stop, long, seen = CancelToken(), Sampling(100, 0.0, 1.0), 0
    for chunk in engine.stream(LLAVA, question(sampling=long), stop):
        seen += bool(chunk.text)
        if seen == 2:
            stop.set()
    assert 2 <= seen <= 3
    assert not [thread for thread in threading.enumerate() if thread.name == "generate"]


def test_leaving_early_frees_the_device(engine):
    reply = engine.stream(LLAVA, question(sampling=Sampling(100, 0.0, 1.0)))
    while not next(reply).text:
        pass
    reply.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "generate"]
    assert said(engine, LLAVA, question())


def test_an_error_in_the_network_is_a_sentence(engine, monkeypatch, caplog):
    loaded = _loaded(engine, LLAVA)
    monkeypatch.setattr(loaded.network, "generate", lambda **_: 1 / 0)
    with pytest.raises(Refused, match="failed on this machine: ZeroDivisionError"):
        said(engine, LLAVA, question())
    assert "ZeroDivisionError" in caplog.text, "the traceback is for the owner"


def test_visitors_wait_in_line_and_are_told(engine):
    said(engine, LLAVA, question())
    first = engine.stream(LLAVA, question(sampling=Sampling(60, 0.0, 1.0)))
    while not next(first).text:
        pass
    second = engine.stream(LLAVA, question("Another?"))
    statuses = [next(second) for _ in range(3)]
    assert statuses[-1].status == "Waiting in line: 1 before you."
    first.close()
    assert any(chunk.text for chunk in second)


def test_many_at_once_get_their_own_answers(engine):
    from concurrent.futures import ThreadPoolExecutor

    questions = [
        question(f"Number {i}?", picture) for i, picture in enumerate((SIGN, CAT, CHART, SIGN))
    ]
    alone = [said(engine, LLAVA, prompt) for prompt in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda prompt: said(engine, LLAVA, prompt), questions)) == alone


def test_a_load_is_seen_and_only_as_many_stay_as_allowed(folder):
    one = Local(folder, residents=1)
    loader._in_memory.clear()
    statuses = [chunk.status for chunk in one.stream(LLAVA, question())]
    assert any("Loading NeVA into memory" in status for status in statuses)
    assert not any("Loading" in chunk.status for chunk in one.stream(LLAVA, question()))
    list(one.stream(find_model("google/deplot"), question("x", CHART)))
    assert list(loader._in_memory) == [str(folder / "google/deplot")]


def test_long_work_is_heard_of_and_left_at_the_stop():
    stop, released = CancelToken(), threading.Event()
    progress = run_with_progress(lambda: released.wait(30), stop)
    assert 0 <= next(progress) <= next(progress)
    stop.set()
    assert list(progress) == [] and not released.is_set()
    released.set()


def test_what_long_work_raises_is_raised():
    with pytest.raises(KeyError):
        list(run_with_progress(lambda: {}["x"], CancelToken()))


@pytest.mark.parametrize("spoil", [
    lambda path: (path / "config.json").unlink(),
    lambda path: (path / "model.safetensors").unlink(),
    lambda path: (path / "model.safetensors").write_bytes(b"half a file"),
    lambda path: (path / "config.json").write_text("{"),
    lambda path: (path / "config.json").write_text(json.dumps({"model_type": "bert"})),
    lambda path: (path / "tokenizer.json").write_text("[]"),
    lambda path: (path / "processor_config.json").unlink(),
    lambda path: (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}})),
])  # fmt: skip
def test_spoilt_weights_are_a_sentence(folder, tmp_path, spoil):
    import shutil

    id = "nvidia/neva-22b"
    shutil.copytree(folder / id, tmp_path / id)
    spoil(tmp_path / id)
    loader._in_memory.clear()
    with pytest.raises(VLMError):
        said(Local(tmp_path), LLAVA, question())


def test_missing_weights_name_their_id_and_the_command():
    with pytest.raises(MissingKey, match="hf download llava-hf/llava-1.5-7b-hf"):
        said(Local(), LLAVA, question())
    with pytest.raises(MissingKey, match="licence must be accepted"):
        said(Local(), find_model("google/paligemma"), question())
    with pytest.raises(MissingKey, match="vLLM"):
        said(Local(downloads=True), find_model("microsoft/phi-3.5-vision-instruct"), question())
    with pytest.raises(BadPrompt, match="picture"):
        said(Local(), LLAVA, Prompt((Turn("user", "Hello"),)))


def _error(name: str, text: str = "x") -> Exception:
    return type(name, (OSError,), {})(text)


@pytest.mark.parametrize("error, kind, words", [
    (_error("GatedRepoError"), MissingKey, "accept its licence"), (_error("RepositoryNotFoundError"), BadPrompt, "VLM_CHECKPOINTS"),
    (OSError(28, "No space left on device"), Refused, "no room for a/b"), (MemoryError(), Refused, "not enough memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory"), Refused, "not enough memory"),
    (torch.OutOfMemoryError("CUDA out of memory"), Refused, "not enough memory"),
    (_error("LocalEntryNotFoundError"), Unreachable, "hf download a/b"), (ConnectionError("no route"), Unreachable, "cannot be reached"),
    (ImportError("num2words"), MissingKey, "requirements-local"), (ValueError("odd\nthing"), Refused, "ValueError: odd thing"),
])  # fmt: skip
def test_what_goes_wrong_is_a_sentence(error, kind, words):
    sentence = errors.explain_failure(error, "a/b")
    assert isinstance(sentence, kind) and words in str(sentence) and "a/b" in str(sentence)


def test_weights_on_the_disk_are_preferred_and_nothing_is_downloaded_unasked(folder):
    found = connect({"VLM_WEIGHTS": str(folder)})
    assert isinstance(found, Local) and not found.downloads
    assert {model.id for model in found.models()} == set(tiny.FAMILIES)
    assert isinstance(connect({}), Embedded) and isinstance(
        connect({"VLM_WEIGHTS": str(folder), "VLM_ENGINE": "embedded"}), Embedded
    )
    assert connect({"VLM_ENGINE": "local"}).downloads
    assert (
        found.capability(LLAVA).summary == "ready"
        and "GB" in Local().capability(LLAVA).summary
        and "server" in found.capability(CATALOGUE[1]).summary
    )
    assert (
        Local().capability(find_model("nvidia/nemotron-3-nano-omni-30b-a3b-reasoning")).summary
        == "no open weights"
    )


@pytest.mark.parametrize("env", [{"VLM_WEIGHTS": "/no/such/folder"}, {"VLM_RESIDENTS": "0"}, {"VLM_RESIDENTS": "many"},
                                 {"VLM_CHECKPOINTS": "florence"}, {"VLM_CHECKPOINTS": "microsoft/florence-2=large"},
                                 {"VLM_CHECKPOINTS": "no/model=a/b"}])  # fmt: skip
def test_settings_that_cannot_be_met_are_refused(env):
    with pytest.raises(BadPrompt):
        connect({**env, "VLM_ENGINE": "local"})


def test_another_checkpoint_goes_before_the_folder(folder):
    engine = connect(
        {
            "VLM_WEIGHTS": str(folder),
            "VLM_CHECKPOINTS": "microsoft/florence-2=florence-community/Florence-2-large",
        }
    )
    with pytest.raises(MissingKey, match="hf download florence-community/Florence-2-large"):
        said(engine, FLORENCE, Prompt((Turn("user", "<OCR>", (SIGN,)),)))
    assert "Florence-2-large" in engine._note(FLORENCE) and "VLM_WEIGHTS" in engine._note(LLAVA)


@pytest.mark.parametrize("id, text", [("nvidia/neva-22b", "What does <image> mean?"), ("google/paligemma", "<image><image>"),
                                      ("meta/llama-3.2-11b-vision-instruct", "And <|image|>?")])  # fmt: skip
def test_marks_of_pictures_in_a_question_are_no_crash(engine, id, text):
    try:
        assert said(engine, find_model(id), question(text)) is not None
    except VLMError as error:
        assert "failed on this machine" in str(error)


def test_a_load_that_nobody_waits_for_is_not_begun(folder):
    stop = CancelToken()
    stop.set()
    loader._in_memory.clear()
    assert list(loader.load(str(folder / LLAVA.id), "NeVA", 1, stop)) == []
    time.sleep(0.3)
    assert not loader._in_memory


def test_a_download_holds_up_no_one_else(folder, tmp_path, monkeypatch):
    """The line is for the device: who fetches weights does not stand in it."""
    over = threading.Event()
    monkeypatch.setattr(checkpoints.Download, "run", lambda self: (over.wait(20), self.done.set()))
    engine = Local(folder, {"google/deplot": "nobody/deplot"}, downloads=True)
    fetching = engine.stream(find_model("google/deplot"), question("x", CHART))
    assert any("Downloading nobody/deplot" in next(fetching).status for _ in range(3))
    assert said(engine, LLAVA, question())
    other = engine.stream(find_model("google/deplot"), question("x", CHART))
    assert (
        any("Downloading" in next(other).status for _ in range(3))
        and len(checkpoints._downloads) == 1
    )
    over.set()
    fetching.close()
    other.close()
    checkpoints._downloads.clear()


@pytest.mark.parametrize(
    "lines, fast", [("flags : fpu avx512_bf16 sse", True), ("flags : fpu avx2", False), ("", False)]
)
def test_bfloat16_only_where_the_processor_has_it(lines, fast, monkeypatch):
    if loader.device().type != "cpu":
        pytest.fail("this test is about a processor: run it with CUDA_VISIBLE_DEVICES=")
    flags = frozenset(lines.split())
    monkeypatch.setattr(loader, "_cpu_flags", lambda: flags)
    assert loader.dtype() == (torch.bfloat16 if fast else torch.float32)


def test_weights_are_whole_or_not_there(tmp_path):
    assert checkpoints.find("a/b", "no-such/checkpoint", tmp_path) is None
    Image.new("RGB", (2, 2)).save(tmp_path / "config.png")
    assert checkpoints.find("a/b", "no-such/checkpoint", None) is None


_DOWNLOAD = """
import json, sys
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 20_000  # or the tiny file comes in one piece
from vlm_backends import Local, Prompt, Sampling, Turn, VLMError, find_model, read
model = find_model(sys.argv[1])
prompt = Prompt((Turn("user", "What is this?", (read("assets/sign.jpg"),)),), Sampling(5, 0.0, 1.0))
said = []
try:
    said += [(chunk.status, chunk.text) for chunk in Local(downloads=True).stream(model, prompt)]
except VLMError as error:
    said.append(("error", str(error)))
print(json.dumps(said))
"""


def _downloaded(id: str, address: str, cache: Path) -> list:
    """What the engine says in a process of its own, whose hub is at the address."""
    import os
    import subprocess
    import sys

    env = os.environ | {
        "HF_ENDPOINT": address,
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", _DOWNLOAD, id],
        cwd=ASSETS.parent,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_download_is_seen_and_happens_once(folder, tmp_path):
    with hub({LLAVA.weights.id: folder / LLAVA.id}) as address:
        said = _downloaded(LLAVA.id, address, tmp_path)
    amounts = [
        float(re.search(r"([\d.]+) of [\d.,]+ MB", status)[1])
        for status, _ in said
        if "Downloading" in status
    ]
    assert len(amounts) > 1 and amounts == sorted(amounts) and amounts[-1] > 0
    assert any(text for _, text in said)
    again = _downloaded(
        LLAVA.id, "http://127.0.0.1:9", tmp_path
    )  # the hub is gone, the weights are here
    assert any(text for _, text in again) and not any(
        "Downloading" in status for status, _ in again
    )


def test_weights_in_the_older_format_are_fetched_where_there_are_no_others(folder, tmp_path):
    import shutil

    from safetensors.torch import load_file

    older = tmp_path / "older"
    shutil.copytree(folder / LLAVA.id, older)
    torch.save(load_file(older / "model.safetensors"), older / "pytorch_model.bin")
    (older / "model.safetensors").unlink()
    with hub({LLAVA.weights.id: older}) as address:
        assert any(text for _, text in _downloaded(LLAVA.id, address, tmp_path / "cache"))


@pytest.mark.parametrize(
    "case, words",
    [("gated", "accept its licence"), ("missing", "no checkpoint"), ("dead", "cannot be reached")],
)
def test_a_download_that_fails_is_a_sentence(folder, tmp_path, case, words):
    id = LLAVA.weights.id
    with hub(
        {} if case == "missing" else {id: folder / LLAVA.id}, gated=(id,) if case == "gated" else ()
    ) as address:
        said = _downloaded(LLAVA.id, "http://127.0.0.1:9" if case == "dead" else address, tmp_path)
    assert said[-1][0] == "error" and words in said[-1][1] and id in said[-1][1]


@pytest.mark.parametrize(
    "task", ["<REFERRING_EXPRESSION_SEGMENTATION>", "<REGION_TO_SEGMENTATION>"]
)
def test_florence_polygons_are_read_as_the_library_reads_them(engine, task):
    processor, dice = _florence_processor(engine), random.Random(7)
    for _ in range(100):
        rings = [
            [dice.randrange(1000) for _ in range(2 * dice.randint(3, 9))]
            for _ in range(dice.randint(1, 3))
        ]
        reply = (
            "</s><s>" + "<sep>".join("".join(f"<loc_{v}>" for v in ring) for ring in rings) + "</s>"
        )
        theirs = processor.post_process_generation(reply, task=task, image_size=(1000, 1000))[task]
        mine = florence2.polygons(reply).regions
        expected = [ring for thing in theirs["polygons"] for ring in thing]
        assert len(mine) == len(expected) == len(rings)
        for region, ring in zip(mine, expected, strict=True):
            assert np.allclose(
                [v * 1000 for point in region.outline for v in point], ring, atol=0.6
            )


def test_florence_phrases_are_grounded_as_the_library_grounds_them(engine):
    processor, dice = _florence_processor(engine), random.Random(9)
    for _ in range(100):
        phrases = dice.sample(
            ["A black dog", "the lake", "two cats", "a red sign"], dice.randint(1, 4)
        )
        marks = [
            "".join(f"<loc_{dice.randrange(1000)}>" for _ in range(4 * dice.randint(1, 2)))
            for _ in phrases
        ]
        reply = "</s><s>" + "".join(map("".join, zip(phrases, marks))) + "</s>"
        token = "<CAPTION_TO_PHRASE_GROUNDING>"
        theirs = processor.post_process_generation(reply, task=token, image_size=(1000, 1000))[
            token
        ]
        mine = florence2.boxes(reply).regions
        assert [region.label for region in mine] == theirs["labels"]
        for region, (x0, y0, x1, y1) in zip(mine, theirs["bboxes"], strict=True):
            expected = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
            assert np.allclose(
                [v * 1000 for point in region.outline[::2] for v in point], expected, atol=0.6
            )


def test_questions_that_join_are_answered_in_one_pass_each_as_if_it_were_alone(engine):
    loaded, passes = _loaded(engine, FLORENCE), []
    loud = copy.deepcopy(loaded.network).float()  # sums in bfloat16 differ by their order
    with torch.no_grad():
        for parameter in loud.parameters():
            parameter.mul_(8)  # or else such a small network says the same of everything
    loud.register_forward_pre_hook(lambda *_: passes.append(1))
    loaded = replace(loaded, network=loud)
    texts = "<OD>", "<CAPTION_TO_PHRASE_GROUNDING>a black and brown dog", "<OCR_WITH_REGION>"
    asked = [
        processors.prepare_inputs(loaded, FLORENCE, question(text, picture))
        for text in texts
        for picture in (SIGN, CAT)
    ]
    alone = [
        "".join(chunk.text for chunk in generation.generate_stream(loaded, one, CancelToken()))
        for one in asked
    ]
    each, passes[:] = len(passes), []
    together = generation.generate_batch(loaded, asked, [CancelToken() for _ in asked])
    assert [chunk.text for chunk in together] == alone and len(set(alone)) == len(alone)
    assert len(passes) < each / 3, "as many passes as the longest of the six has words"


@pytest.mark.parametrize("model, text, picture, joins", [
    (FLORENCE, "<OD>", SIGN, True), (FLORENCE, "<CAPTION_TO_PHRASE_GROUNDING>a dog", SIGN, True), (FLORENCE, "<CAPTION>", SIGN, False), (FLORENCE, "<OCR>", SIGN, False),
    (FLORENCE, "<OD>", None, False), (LLAVA, "<OD>", SIGN, False), (find_model("google/deplot"), "Generate", CHART, False),
])  # fmt: skip
def test_only_structured_tasks_join(engine, model, text, picture, joins):
    assert (
        engine.can_batch(model, Prompt((Turn("user", text, (picture,) if picture else ()),)))
        == joins
    )


def test_questions_together_end_when_all_who_asked_have_left_and_fail_with_a_sentence(engine):
    prompts = [Prompt((Turn("user", "<OD>", (SIGN,)),))] * 2
    stops = CancelToken(), CancelToken()
    whole = engine.answer_batch(FLORENCE, prompts, stops)
    assert all(chunk.note and chunk.sent.width == SIGN.width for chunk in whole)
    stops[0].set()
    assert engine.answer_batch(FLORENCE, prompts, stops) == whole, "one is still there"
    stops[1].set()
    assert all(
        len(chunk.text) < len(whole[0].text)
        for chunk in engine.answer_batch(FLORENCE, prompts, stops)
    )
    with pytest.raises(VLMError, match="task"):
        engine.answer_batch(
            FLORENCE,
            [*prompts, Prompt((Turn("user", "<OD> and more", (SIGN,)),))],
            [CancelToken()] * 3,
        )


@pytest.mark.parametrize("id", [id for id in tiny.FAMILIES if id != FLORENCE.id])
def test_an_answer_that_is_cut_at_its_length_says_so(engine, id):
    model = find_model(id)
    few = Sampling(5, 0.0, 1.0)
    *_, answer = ask(engine, model, question(model.prompts[0], CHART, few))
    assert answer.finish == "length"
    assert "maximum length" in answer.note and answer.note.startswith("Answered on this machine")


def test_an_answer_that_ends_by_itself_is_not_called_cut(engine, monkeypatch):
    loaded, long = _loaded(engine, LLAVA), question(sampling=Sampling(30, 0.0, 1.0))
    settings = loaded.network.generation_config
    whole = "".join(chunk.text for chunk in engine.stream(LLAVA, long))
    ids = loaded.tokenizer(whole, add_special_tokens=False)["input_ids"]
    for ends in (ids[3], [ids[3], ids[5]]):
        monkeypatch.setattr(settings, "eos_token_id", ends)
        *_, answer = ask(engine, LLAVA, long)
        assert answer.finish == "" and "maximum length" not in answer.note
        assert len(answer.text) < len(whole)


@pytest.mark.parametrize("token", ["<OD>", "<CAPTION>"])
def test_a_task_that_is_cut_at_its_length_says_so_alone_and_together(engine, monkeypatch, token):
    monkeypatch.setattr(processors, "_MAX_TOKENS", 6)
    task, prompt = find_task(token), Prompt((Turn("user", token, (SIGN,)),))
    *_, alone = ask(engine, FLORENCE, prompt, task)
    assert alone.finish == "length" and "maximum length" in alone.note
    if token == "<OD>":
        together = engine.answer_batch(FLORENCE, [prompt] * 2, [CancelToken()] * 2)
        assert [chunk.finish for chunk in together] == ["length"] * 2


def test_a_stop_is_no_maximum_length(engine):
    stop, finish = CancelToken(), ""
    for chunk in engine.stream(LLAVA, question(sampling=Sampling(100, 0.0, 1.0)), stop):
        finish = finish or chunk.finish
        if chunk.text:
            stop.set()
    assert finish == ""
