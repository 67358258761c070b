"""Downloads of weights from a hub on a real socket: progress, the stop, one for all, failures as sentences."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.fake_hub import hub
from tests.support.paths import ROOT
from vlm_backends import Local, MissingKey, find_model
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import DownloadProgress

FLORENCE = find_model("microsoft/florence-2")
assert FLORENCE.weights
ID = FLORENCE.weights.id
SIZE = 200_000  # bytes of the weights: ten pieces, four seconds

_BEGIN = """
import json, threading, time
from pathlib import Path
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 20_000  # or the small file comes in one piece
from vlm_backends import Local, VLMError, find_model
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.local import checkpoints
model = find_model("microsoft/florence-2")
engine = Local(offers=True)

def fetch(stop=None, until=2.0, then=lambda: None):
    told = []
    try:
        for progress in engine.fetch(model, stop or CancelToken()):
            told.append(progress)
            if progress.share > until:
                then()
    except VLMError as error:
        return type(error).__name__ + ": " + str(error)
    return told

def after_the_end():
    while any(thread.name == "download" for thread in threading.enumerate()):
        time.sleep(0.05)
    partial = [str(path) for path in Path(constants.HF_HUB_CACHE).rglob("*.incomplete")]
    return [engine.capability(model).available, partial]

def say(*things):
    print(json.dumps(things))
"""


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(os.urandom(SIZE))
    return {ID: folder}


@pytest.fixture
def run(tmp_path):
    def run(code: str, address: str, **env: str) -> list:
        """Run the code in a process of its own, whose hub is at the address; return what it says."""
        ours = {
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", _BEGIN + code],
            cwd=ROOT,
            env=os.environ | ours | env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_progress_is_told_in_bytes_and_the_weights_are_found(repository, run):
    with hub(repository) as address:
        told, (found, partial) = run("say(fetch(), after_the_end())", address)
    here = [done for done, _ in told]
    assert here == sorted(here) and len(set(here)) > 3
    assert {total for _, total in told[-3:]} == {SIZE + 2}
    assert found and not partial


def test_a_stop_ends_the_download_and_leaves_nothing_half(repository, run):
    with hub(repository) as address:
        told, after, again = run(
            "stop = CancelToken()\nsay(fetch(stop, 0.2, stop.set), after_the_end(), len(fetch()))",
            address,
        )
        assert DownloadProgress(*told[-1]).share < 0.6
        assert after == [False, []]
        assert again  # it can be begun anew


def test_who_presses_at_the_same_time_shares_one_download(repository, run):
    seen: list[str] = []
    with hub(repository, seen=seen) as address:
        told, other, (found, _) = run(
            "stop, said = CancelToken(), []\n"
            "other = threading.Thread(target=lambda: said.append(fetch()))\n"
            "other.start(); time.sleep(0.3)\n"
            "mine = fetch(stop, 0.2, stop.set)\n"
            "other.join()\n"
            "say(mine, said[0], after_the_end())",
            address,
        )
    assert len(told) < len(other) and found  # the other's goes on when one stops
    assert seen.count("model.safetensors") == 1 and "README.md" not in seen


def test_a_visitor_who_leaves_lets_it_go_on(repository, run):
    with hub(repository) as address:
        ((found, _),) = run(
            "fetching = engine.fetch(model, CancelToken())\n"
            "next(fetching); next(fetching); fetching.close()\n"
            "say(after_the_end())",
            address,
        )
    assert found


@pytest.mark.parametrize(
    "status, words",
    [(404, "no checkpoint"), (401, "hf auth login"), (429, "429"), (503, "few minutes")],
)
def test_a_hub_that_refuses_is_a_sentence_with_a_next_step(repository, run, status, words):
    with hub(repository, refusal=status) as address:
        (said, (found, _)) = run("say(fetch(), after_the_end())", address, HF_TOKEN="hf_canary")
    assert words in said and said.endswith((".", ")")) and not found and "hf_canary" not in said


def test_no_network_is_a_sentence_also_after_a_part_has_come(repository, run):
    with hub(repository) as address:
        run("stop = CancelToken()\nsay(fetch(stop, 0.2, stop.set), after_the_end())", address)
    (said, (found, _)) = run("say(fetch(), after_the_end())", address)
    assert said.startswith("Unreachable") and "Check the connection" in said and not found


def test_a_disk_without_room_is_told_before_a_byte_is_sent(repository, run):
    seen: list[str] = []
    with hub(repository, seen=seen, claimed=10**15) as address:
        (said,) = run("say(fetch())", address)
    assert "no room" in said and "HF_HOME" in said and "model.safetensors" not in seen


def test_nothing_is_fetched_where_the_owner_does_not_allow_it():
    with pytest.raises(MissingKey, match="VLM_ENGINE=local"):
        list(Local().fetch(FLORENCE, CancelToken()))
    with pytest.raises(MissingKey, match="no open weights"):
        list(
            Local(offers=True).fetch(find_model("microsoft/phi-3.5-vision-instruct"), CancelToken())
        )
    assert not Local().traits.fetches and Local(downloads=True).traits.fetches


def test_progress_in_words():
    assert DownloadProgress(157_100_000, 462_800_000).text == "34 %, 157.1 of 462.8 MB"
    assert DownloadProgress(5, 0).share == 0 and DownloadProgress(7, 5).share == 1
