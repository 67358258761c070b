"""The engines on Ray Serve: the same wire, a place for each or a word to wait, work that ends when its caller leaves.

Needs requirements-ray.txt; skipped without it. One Ray serves all tests of a run (tests/support/ray_cluster.py).
"""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import requests
import yaml

pytest.importorskip("ray", reason="Ray is not installed: see requirements-ray.txt")
pytest.importorskip("torch", reason="torch is not installed: see requirements-local.txt")

from gradio_client import Client, handle_file
from ray.serve.schema import ServeDeploySchema

import ui
from deploy.ray_serve import Answers, Front, Settings, built
from tests.support import checkpoints as tiny
from tests.support import ray_cluster as cluster
from tests.support.async_tools import finished
from tests.support.paths import ROOT
from tests.support.ports import launch_page
from tests.support.processes import until
from tests.support.questions import FLORENCE, QUICK, outcome
from tests.support.questions import chat_body as body
from tests.support.reciter import HALF, LLAMA, PICTURE, Reciter, questions, recital, reciting
from tests.support.servers import ScriptedEngine, serving
from vlm_backends import (
    CATALOGUE,
    BadPrompt,
    Chunk,
    OpenAI,
    Prompt,
    Refused,
    Turn,
    Unreachable,
    connect,
    find_task,
    write_task,
)
from vlm_backends.engines import RequestPolicy

DEPLOY = ROOT / "deploy"
KEY = {"Authorization": "Bearer server-canary"}


def ask(url, text, **options):
    return requests.post(f"{url}/chat/completions", json=body(text, LLAMA.id, PICTURE, **options.pop("more", {})),
                         headers=KEY, **{"timeout": 60, **options})  # fmt: skip


@pytest.fixture(scope="module")
def served():
    """A reciter, and an application before it with two places and one to wait at."""
    options = {
        "max_ongoing_requests": 2,
        "max_queued_requests": 1,
        "backpressure_config": {"status_code": 429, "retry_after_s": 1},
    }
    with reciting() as (reciter, upstream):
        env = {"VLM_BASE_URL": upstream, "VLM_SERVER_KEY": "server-canary"}
        with cluster.running("served", env, options, engine="openai") as url:
            yield reciter, url


def test_the_list_and_the_key_are_those_of_the_plain_server(served):
    _, url = served
    listed = requests.get(f"{url}/models", headers=KEY, timeout=60).json()["data"]
    assert {entry["id"] for entry in listed} == {
        model.id for model in CATALOGUE
    } and "ready" in listed[0]["state"]
    for headers in ({}, {"Authorization": "Bearer no"}):
        reply = requests.get(f"{url}/models", headers=headers, timeout=60)
        assert reply.status_code == 401 and "canary" not in reply.text


@pytest.mark.parametrize("asked, status, said", [
    (body() | {"model": "gpt-4o"}, 404, "does not exist"), (body("<od>", FLORENCE.id), 400, "begin with one of"), (7, 400, "JSON object"),
    ({"model": LLAMA.id, "messages": [{"role": "user", "content": "no picture"}]}, 400, "Add a picture"), (body(n=2), 400, "One answer"),
])  # fmt: skip
def test_what_cannot_be_asked_is_a_status_and_a_sentence(served, asked, status, said):
    reply = requests.post(
        f"{served[1]}/chat/completions", data=json.dumps(asked), headers=KEY, timeout=60
    )
    assert (
        reply.status_code == status
        and said in reply.json()["error"]["message"]
        and "Traceback" not in reply.text
    )


@pytest.mark.parametrize("stream", [True, False])
def test_words_come_as_they_are_made_and_who_leaves_ends_the_work(served, stream):
    reciter, url = served
    reciter.hold(begin=True, go_on=False)
    if stream:
        reply = ask(url, "Leaving", more={"stream": True}, stream=True)
        lines = reply.iter_lines()  # when nobody holds it any more, its connection is closed
        assert any(b"Leaving" in line for line in lines) and not reciter.stops[0].is_set()
        reply.close()
    else:
        with pytest.raises(requests.Timeout):
            ask(url, "Leaving", timeout=2)
    assert until(lambda: reciter.stops and reciter.stops[0].is_set())
    assert len(reciter.stops) == 1, "who has left is not asked for again"


def test_who_finds_no_place_is_told_to_wait_and_a_patient_client_gets_one(served):
    reciter, url = served
    reciter.hold(begin=False, go_on=True)
    with ThreadPoolExecutor(9) as pool:
        replies = []
        while (
            len(turned_away := [reply.result() for reply in replies if reply.done()]) < 3
            and len(replies) < 9
        ):
            replies.append(pool.submit(ask, url, "Many"))
            wait(
                replies[-1:], 1
            )  # one by one: Serve lets in all who come before it has counted the first
        with questions(
            url,
            2,
            RequestPolicy(connect_timeout=2, idle_timeout=30, max_attempts=30),
            "server-canary",
        ) as patient:
            until(lambda: False, 1.5)
            reciter.begin.set()
    assert len(turned_away) == 3 <= len(replies) - 3, "two have a place, and one waits for one"
    assert {reply.status_code for reply in turned_away} == {429}
    assert {reply.headers["Retry-After"] for reply in turned_away} == {
        "1"
    } and "Traceback" not in turned_away[0].text
    assert {reply.result().status_code for reply in replies} == {200, 429} and all(
        one.whole for one in patient
    )


@pytest.fixture(scope="module")
def narrow():
    """A reciter that wants a key, set where Ray starts, and an application before it whose front has one place."""
    reciter = Reciter()
    ((name, key),) = cluster.CANARY.items()
    with serving(reciter, key=key) as upstream:
        lab = json.dumps([{"name": "Lab", "url": upstream, "key": name}])
        with cluster.running("narrow", {"VLM_SERVERS": lab}, places=1) as url:
            yield reciter, url


def test_a_front_that_is_full_says_so_in_the_words_of_the_wire(narrow):
    reciter, url = narrow
    reciter.hold(begin=False, go_on=True)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, url, "First")
        assert until(lambda: reciter.asked)
        turned_away = [ask(url, "Second", more={"stream": stream}) for stream in (False, True)]
        reciter.begin.set()
        assert first.result().json()["choices"][0]["message"]["content"].strip() == recital("First")
    for reply in turned_away:
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
        assert (
            reply.json()["error"]["code"] == 503
            and "All places are taken" in reply.json()["error"]["message"]
        )
    assert reciter.asked == ["First"]


def test_a_key_that_is_set_where_ray_starts_is_in_none_of_its_files(narrow):
    reciter, url = narrow
    reciter.hold(begin=True, go_on=True)
    assert ask(url, "With the key").status_code == 200
    files = [
        path.read_bytes()
        for path in cluster.folder().rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    (key,) = cluster.CANARY.values()
    assert any(b"VLM_SERVERS" in data for data in files), (
        "what a runtime_env says is there, so that a key would be seen"
    )
    assert not any(key.encode() in data for data in files)


def test_the_page_is_pointed_at_it(served):
    reciter, url = served
    reciter.hold(begin=True, go_on=True)
    page = ui.build(connect({"VLM_BASE_URL": url, "VLM_API_KEY": "server-canary"}))
    address = launch_page(page, **ui.settings())
    try:
        words, _, details = Client(address, verbose=False).predict(
            LLAMA.id, "Echo", handle_file(str(ROOT / "assets" / "cat.jpg")), api_name="/chat"
        )
    finally:
        page.close()
    assert (
        words == recital("Echo")
        and details["engine"] == "Your server"
        and len(words.split()) == 2 * HALF
    )


def test_open_weights_on_two_replicas_answer_as_they_do_here(tmp_path):
    tiny.build(tmp_path, {FLORENCE.id: tiny.florence2})
    env = {"VLM_WEIGHTS": str(tmp_path), "VLM_ENGINE": "local"}
    here, tasks = (
        connect(env),
        [find_task(token) for token in ("<CAPTION>", "<OD>", "<OCR_WITH_REGION>")],
    )
    with cluster.running(
        "weights", env, {"num_replicas": 2}, engine="local", models=[FLORENCE.id], together=3
    ) as url:
        there = OpenAI(url, "", QUICK)
        for task in tasks:
            prompt = Prompt((Turn("user", write_task(task), (PICTURE,)),))
            assert outcome(there, FLORENCE, prompt, task) == outcome(here, FLORENCE, prompt, task)
        assert there.models() == (FLORENCE,) and len(cluster.replicas("weights", "florence-2")) == 2


# a replica by itself


def replica(engine=None, **given):
    answers = Answers.func_or_class(Settings(**{"engine": "embedded"} | given), "")
    answers._engine = engine or answers._engine
    return answers


async def said(answers, text="<OD>"):
    try:
        asked = answers.stream(FLORENCE, Prompt((Turn("user", text, (PICTURE,)),)))
        return "".join([chunk.text async for come in asked for chunk in come])
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("end", [(), (Unreachable("The line broke."),)])
def test_pieces_that_are_there_cross_together_and_the_first_one_waits_for_none(end):
    async def crossed():
        answers, gate, items = replica(), threading.Event(), []
        answers._engine = ScriptedEngine(Chunk("first"), gate, *map(Chunk, "many more"), *end)
        try:
            async for come in answers.stream(FLORENCE, Prompt((Turn("user", "<OD>", (PICTURE,)),))):
                items.append("|".join(chunk.text for chunk in come))
                gate.set()
                await asyncio.to_thread(until, lambda: not answers._pool.busy)
        except Unreachable:
            items.append("broke")
        return items

    assert finished(crossed()) == ["first", "m|a|n|y| |m|o|r|e"] + ["broke"] * len(end)


@pytest.mark.parametrize("ends, healthy", [
    ([RuntimeError("CUDA")] * 3, False), ([Refused("out of memory")] * 3, False), ([RuntimeError("CUDA")] * 2, True), ([BadPrompt("no")] * 9, True),
    ([Refused("slow down", 429)] * 9, True), ([Unreachable("no")] * 9, True), ([RuntimeError("CUDA")] * 2 + [Chunk("yes"), RuntimeError("CUDA")], True),
    ([RuntimeError("CUDA")] * 2 + [BadPrompt("no")] + [RuntimeError("CUDA")] * 2, True),
])  # fmt: skip
def test_a_replica_of_nothing_but_faults_of_its_own_is_replaced(ends, healthy):
    answers = replica()
    for end in ends:
        answers._engine = ScriptedEngine(end)
        finished(said(answers))
    if healthy:
        answers.check_health()
    else:
        with pytest.raises(RuntimeError, match="cannot answer"):
            answers.check_health()


@pytest.mark.parametrize("joins, batch, end", [
    (True, Chunk("together"), "together"), (True, BadPrompt("one of them is bad"), "alone"), (True, Refused("out of memory"), "alone"),
    (True, RuntimeError("bug"), RuntimeError), (False, Chunk("together"), "alone"),
])  # fmt: skip
def test_questions_that_join_are_answered_together_or_else_alone(joins, batch, end):
    async def joined(asked):
        if isinstance(batch, Exception):
            raise batch
        return batch

    answers = replica(ScriptedEngine(Chunk("alone")))
    answers._batches, answers._engine.can_batch, answers._batched = True, lambda *_: joins, joined
    assert finished(said(answers)) == end


# settings


@pytest.mark.parametrize("given, names", [
    ({}, {"everything"}), ({"models": "microsoft/florence-2, google/deplot"}, {"florence-2", "deplot"}), ({"models": ["google/deplot"]}, {"deplot"}),
])  # fmt: skip
def test_a_deployment_a_model(given, names):
    front = built(Settings(**given))
    assert {
        answers._bound_deployment.name for answers in front._bound_deployment.init_args[1:]
    } == names


@pytest.mark.parametrize(
    "given", [{"models": 7}, {"together": "many"}, {"together": 0}, {"modles": "x"}]
)
def test_settings_that_mean_nothing_are_refused(given):
    with pytest.raises(ValueError):
        Settings(**given)


def test_the_files_say_what_serve_understands():
    plain = yaml.safe_load((DEPLOY / "serve.yaml").read_text())
    cluster_wide = yaml.safe_load((DEPLOY / "kuberay.yaml").read_text())
    for config in (plain, yaml.safe_load(cluster_wide["spec"]["serveConfigV2"])):
        (found,) = ServeDeploySchema.model_validate(config).applications
        names = {
            answers._bound_deployment.name
            for answers in built(Settings(**found.args))._bound_deployment.init_args[1:]
        }
        assert found.import_path == "deploy.ray_serve:app" and {
            one.name for one in found.deployments
        } <= {"Front", *names}


def test_two_cores_have_room_for_a_replica_of_each():
    """Or else the list of models never comes: Serve waits for cores without an end."""
    (found,) = ServeDeploySchema.model_validate(
        yaml.safe_load((DEPLOY / "serve.yaml").read_text())
    ).applications
    assert (
        sum(one.ray_actor_options.num_cpus for one in found.deployments)
        + Front.ray_actor_options["num_cpus"]
        <= 2
    )
