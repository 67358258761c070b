"""VLM_DETECTOR swaps the detector in: YOLOX or SSD, its kinds beside it, and its name in every answer."""

import json
import shutil

import pytest

from tests.support.paths import ASSETS, ROOT
from tests.support.processes import printed
from vlm_backends import BadPrompt
from vlm_backends.config import Config

NETWORKS = ROOT / "tests/support/networks"
FOUND = """
import json, os
os.environ["VLM_DETECTOR"] = {path!r}
from vlm_backends import Embedded, Prompt, Turn, VLMError, ask, find_model, find_task, read
task, florence = find_task({token!r}), find_model("microsoft/florence-2")
prompt = Prompt((Turn("user", {token!r} + {words!r}, (read({picture!r}),)),))
reply = ask(Embedded(), florence, prompt, task)
try:
    for _ in reply:
        pass
    summary = Embedded().capability(florence, task).summary
    print(json.dumps(reply.to_dict() | {{"summary": summary}}))
except VLMError as error:
    print(json.dumps({{"error": str(error)}}))
"""


def answered(path, token="<OD>", words=""):
    code = FOUND.format(
        path=str(path), token=token, words=words, picture=str(ASSETS / "coffee.jpg")
    )
    return json.loads(printed(code))


def test_a_yolox_file_finds_its_own_kinds():
    answer = answered(NETWORKS / "yolox.onnx")
    (lamp,) = answer["regions"]
    assert lamp["label"] == "lamp" and lamp["score"] == pytest.approx(0.81)
    # the middle is (56, 40) px of the input, the size 24 × 16; the picture of 600 × 400 fills 64 × 42.67
    (left, top), (right, bottom) = lamp["outline"][0], lamp["outline"][2]
    assert [left, right] == pytest.approx([44 / 64, 1.0], abs=1e-3)  # 68 px is outside
    assert [top, bottom] == pytest.approx([32 / 42.667, 1.0], abs=1e-3)
    assert "(yolox), which know 2 kinds" in answer["note"]
    assert answer["summary"] == "Found by the built-in tools (yolox): 2 kinds of things."


def test_an_ssd_file_finds_its_own_kinds():
    (lamp,) = answered(NETWORKS / "ssd.onnx")["regions"]
    assert lamp["label"] == "lamp" and lamp["score"] == pytest.approx(0.8)
    assert lamp["outline"][0] == [0.25, 0.5] and lamp["outline"][2] == [0.75, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("words, labels", [("a lamp", ["lamp"]), ("lamps", ["lamp"])])
def test_its_kinds_are_nouns(words, labels):
    answer = answered(NETWORKS / "yolox.onnx", "<OPEN_VOCABULARY_DETECTION>", words)
    assert [region["label"] for region in answer["regions"]] == labels


@pytest.mark.slow
@pytest.mark.parametrize("words", ["the red 5mm bolt nuts", "Red 5mm bolt nut"])
def test_a_kind_of_several_words_with_digits_is_a_noun(words, tmp_path):
    shutil.copy(NETWORKS / "yolox.onnx", tmp_path / "own.onnx")
    (tmp_path / "own.txt").write_text("chair\nRed 5mm bolt nut\n")
    answer = answered(tmp_path / "own.onnx", "<OPEN_VOCABULARY_DETECTION>", words)
    assert [region["label"] for region in answer["regions"]] == ["Red 5mm bolt nut"]
    assert "Not found" not in answer["text"] and "looked for as" not in answer["note"]


@pytest.mark.slow
def test_a_kind_that_it_does_not_know_is_refused():
    answer = answered(NETWORKS / "yolox.onnx", "<OPEN_VOCABULARY_DETECTION>", "a cup")
    assert answer["regions"] == [] and "no known kind of thing: “cup”" in answer["text"]


def test_a_network_of_another_kind_is_refused_in_a_sentence(tmp_path):
    assert "neither a detector of YOLOX nor of SSD" in answered(NETWORKS / "other.onnx")["error"]
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    broken.with_suffix(".txt").write_text("lamp\n")
    assert "neither a detector of YOLOX nor of SSD" in answered(broken)["error"]


SAID = """
import os
os.environ["VLM_DETECTOR"] = {path!r}
from ui.core.session import EngineRegistry, Visitor
from ui.state.engine_choices import choices_for
from vlm_backends import Embedded, find_model
llama = find_model("meta/llama-3.2-11b-vision-instruct")
print(choices_for(EngineRegistry((Embedded(),)), Visitor(), llama)[0].about)
print(Embedded().capability(llama).summary)
"""


def test_what_the_page_says_of_this_machine_is_true_of_the_chosen_detector():
    who, chat = printed(SAID.format(path=str(NETWORKS / "yolox.onnx"))).strip().splitlines()
    assert "find and outline 2 kinds of things" in who
    assert chat == "finds things (yolox), reads text (PP-OCRv6), no conversation"


def test_a_wrong_setting_is_refused_at_the_start(tmp_path):
    with pytest.raises(BadPrompt, match="must be the path of an ONNX file"):
        Config.from_env({"VLM_DETECTOR": str(tmp_path / "none.onnx")})
    with pytest.raises(BadPrompt, match="must be the path of an ONNX file"):
        Config.from_env({"VLM_DETECTOR": str(NETWORKS / "yolox.txt")})
    shutil.copy(NETWORKS / "yolox.onnx", tmp_path / "alone.onnx")
    with pytest.raises(BadPrompt, match=r"alone\.txt, one name a line"):
        Config.from_env({"VLM_DETECTOR": str(tmp_path / "alone.onnx")})
    assert Config.from_env({"VLM_DETECTOR": " "}) == Config.from_env({})
