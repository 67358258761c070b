"""Servers of the owner's own: how they are set up, whom they answer for, and models that the catalogue does not know."""

import json
import os

import gradio as gr
import pytest

import ui
from tests.support.async_tools import finished
from tests.support.paths import ASSETS
from tests.support.questions import QUICK, SLIDES
from tests.support.questions import deck_question as question
from tests.support.wire import Wire
from tests.support.wire import replies as say
from ui.api.endpoints import ApiEndpoints
from ui.core.session import Visitor, find_engines
from ui.state.links import link_query, slug
from vlm_backends import CATALOGUE, BadPrompt, Embedded, Gone, OpenAI, ask, connect, find_model
from vlm_backends.config import Config
from vlm_backends.engines import openai, server_engines

URL = "http://127.0.0.1:9/v1"
KEY, OTHER = "lab-canary-0123456789", "home-canary-0123456789"
LIST = {"data": [
    {"id": "qwen/qwen2.5-vl:7b"}, {"id": "google/deplot"}, {"id": "words-only", "architecture": {"input_modalities": ["text"]}},
    {"id": "deaf", "capabilities": {"vision": False}}, {"id": ""}, {"id": 7}, "x", {"id": "llava:latest", "capabilities": ["completion"]},
]}  # fmt: skip
QWEN = "qwen/qwen2.5-vl:7b"


@pytest.fixture(autouse=True)
def _fresh():
    openai.clear_cache()
    yield
    openai.clear_cache()


def served(env):
    """The engines for the servers of this environment."""
    return server_engines(Config.from_env(env))


def set_up(*entries, **env):
    return served({"VLM_SERVERS": json.dumps(list(entries)), **env})


def test_several_servers_each_with_its_own_key(tmp_path):
    entries = [
        {"name": "Lab", "url": URL, "key": "LAB_KEY", "models": ["a"], "pictures": 4},
        {"name": "Home", "url": URL},
    ]
    first, lab, home = set_up(
        *entries, LAB_KEY=KEY, VLM_BASE_URL="http://one/v1", VLM_API_KEY=OTHER
    )
    assert [server.name for server in (first, lab, home)] == ["Your server", "Lab", "Home"]
    assert (
        (first.key, lab.key, home.key) == (OTHER, KEY, "")
        and lab.only == ("a",)
        and lab.pictures == 4
    )
    assert KEY not in repr(lab)
    (tmp_path / "servers.json").write_text(json.dumps(entries))
    assert served({"VLM_SERVERS": str(tmp_path / "servers.json"), "LAB_KEY": KEY}) == (lab, home)
    assert connect({"VLM_SERVERS": json.dumps(entries), "LAB_KEY": KEY}) == lab


@pytest.mark.parametrize("setting, said", [
    ("nowhere.json", "could not be read"), ("[", "could not be read"), ("[" * 9999, "could not be read"), ("{}", "JSON list"), ("[7]", "has a name"),
    ('[{"url": "http://a"}]', "has a name"), ('[{"name": " ", "url": "http://a"}]', "has a name"), ('[{"name": "A"}]', "needs a url"),
    ('[{"name": "A", "url": "a:8000"}]', "needs a url"), ('[{"name": "A", "url": "file:///etc"}]', "needs a url"),
    ('[{"name": "A", "url": "http://a", "models": "x"}]', "list of ids"), ('[{"name": "A", "url": "http://a", "models": [7]}]', "list of ids"),
    ('[{"name": "A", "url": "http://a", "pictures": 0}]', "1 to 100"), ('[{"name": "A", "url": "http://a", "pictures": true}]', "1 to 100"),
    ('[{"name": "A", "url": "http://a", "kye": "B"}]', "kye"), ('[{"name": "A", "url": "http://a", "key": "UNSET"}]', "not set"),
    ('[{"name": "A", "url": "http://a", "key": "sk-secret-canary"}]', "not the key"), ('[{"name": "A", "url": "http://a", "key": 7}]', "not the key"),
    ('[{"name": "A", "url": "http://a"}, {"name": "a", "url": "http://b"}]', "taken"), ('[{"name": "NVIDIA", "url": "http://a"}]', "taken"),
])  # fmt: skip
def test_a_setting_that_cannot_be_met_is_a_sentence(setting, said):
    with pytest.raises(BadPrompt, match=said) as caught:
        connect({"VLM_SERVERS": setting})
    assert "secret" not in str(caught.value)


def test_what_a_server_lists_and_the_catalogue_does_not_know_is_a_plain_chat(wire):
    wire.scripts["models"].append(say.json_body(LIST))
    server = OpenAI(f"{wire.url}/v1", KEY, QUICK, pictures=2)
    deplot, qwen, llava = server.models()
    assert deplot is find_model("google/deplot")
    assert (qwen.id, qwen.title, qwen.publisher, qwen.pictures) == (
        QWEN,
        "qwen2.5-vl:7b",
        "qwen",
        2,
    )
    assert (llava.title, llava.publisher, llava.tasks) == ("llava", "", ())
    wire.script.append(say.sse(["It is ", "a deck."]))
    *_, answer = ask(server, qwen, question(SLIDES))
    sent = wire.asked("chat")[-1].json
    assert (
        answer.text == "It is a deck."
        and sent["model"] == QWEN
        and len(sent["messages"][0]["content"]) == 3
    )


def test_a_server_answers_for_the_models_of_its_entry_only(wire):
    wire.scripts["models"].append(say.json_body(LIST))
    server = OpenAI(f"{wire.url}/v1", "", QUICK, only=("llava:latest",))
    assert [model.id for model in server.models()] == ["llava:latest"]
    assert "not served" in server.capability(find_model("google/deplot")).summary


@pytest.fixture
def two(monkeypatch):
    """Two servers that both list a stranger, each with its own key."""
    with Wire(keys={KEY}) as lab, Wire(keys={OTHER}) as home:
        lab.scripts["models"].append(say.json_body(LIST))
        home.scripts["models"].append(say.json_body({"data": [{"id": QWEN}, {"id": "own"}]}))
        entries = [
            {"name": "Lab", "url": f"{lab.url}/v1", "key": "LAB"},
            {"name": "Home", "url": f"{home.url}/v1", "key": "HOME"},
        ]
        monkeypatch.setenv("VLM_SERVERS", json.dumps(entries))
        monkeypatch.setenv("LAB", KEY)
        monkeypatch.setenv("HOME", OTHER)
        yield lab, home


def test_a_page_has_a_tab_for_each_stranger_and_asks_who_listed_it(two):
    lab, home = two
    engines = find_engines(connect())
    at = {engine.name: engine for engine in engines.engines}
    assert list(at)[0] == "Lab" and "Home" in at
    assert [model.id for model in engines.models[len(CATALOGUE) :]] == [QWEN, "llava:latest", "own"]
    qwen, own = engines.find(QWEN), engines.find("own")
    assert [each.name for each in engines.candidates(Visitor(), qwen)] == ["Lab", "Home"]
    assert engines.answering(Visitor(), own).name == "Home"
    assert engines.answering(Visitor("nvapi-visitor"), own).name == "Home", (
        "NVIDIA does not know it"
    )
    assert engines.alternative(Visitor(), qwen, at["Lab"]).name == "Home"
    home.script.append(say.sse(["home"]))
    lab.script.append(say.sse(["lab"]))
    for engine, wire, key in ((at["Lab"], lab, KEY), (at["Home"], home, OTHER)):
        *_, answer = ask(engine, qwen, question())
        assert answer.text == engine.name.lower() and {
            seen.token for seen in wire.asked("chat")
        } == {key}


def test_the_page_is_built_with_them_and_the_api_asks_them(two):
    _, home = two
    page = ui.build(connect())
    titles = [
        block.label for block in page.blocks.values() if isinstance(block, gr.Tab) and block.elem_id
    ]
    assert titles[len(CATALOGUE) :] == ["qwen2.5-vl:7b", "llava", "own", "Compare", "Batch"]
    home.script.append(say.sse(["At home."]))

    async def run():
        chat = ApiEndpoints(find_engines(connect())).chat(
            "own", "Who are you?", str(ASSETS / "sign.jpg")
        )
        return [item async for item in chat]

    assert finished(run())[-1][0] == "At home."
    assert KEY not in json.dumps(page.config, default=str) and OTHER not in json.dumps(
        page.config, default=str
    )


def test_a_server_that_is_down_costs_the_page_nothing_else(monkeypatch):
    monkeypatch.setenv("VLM_SERVERS", json.dumps([{"name": "Down", "url": URL}]))
    engines = find_engines(Embedded())
    assert (
        engines.models == CATALOGUE
        and engines.answering(Visitor(), CATALOGUE[0]).name == "Built-in tools"
    )


def test_a_stranger_that_has_left_its_server_is_a_sentence(two):
    lab, _ = two
    engines = find_engines(connect())
    qwen = engines.find(QWEN)
    openai.clear_cache()
    lab.scripts["models"].append(say.json_body({"data": []}))
    lab.script.append(say.status(404, {"error": {"message": f"The model `{QWEN}` does not exist"}}))
    with pytest.raises(Gone, match="does not serve"):
        list(ask(engines.engines[0], qwen, question()))


def test_two_servers_may_say_different_things_of_one_model(two, monkeypatch):
    entries = json.loads(os.environ["VLM_SERVERS"])
    entries[1]["pictures"] = 4
    monkeypatch.setenv("VLM_SERVERS", json.dumps(entries))
    engines = find_engines(connect())
    assert [model.id for model in engines.models].count(QWEN) == 1
    candidates = engines.candidates(Visitor(), engines.find(QWEN))
    assert [each.name for each in candidates] == ["Lab", "Home"]


def test_a_link_to_a_strangers_tab_has_the_name_of_that_tab():
    stranger = openai.unknown_model("x/deplot", 1)
    assert link_query(stranger, None) == f"model={slug(stranger)}" == "model=at-x-2f-deplot"


@pytest.mark.parametrize(
    "one, other", [("a:b", "a-b"), ("x/florence-2", "florence-2"), ("é", "e"), ("a b", "a_b")]
)
def test_each_stranger_has_a_name_of_its_own_in_links(one, other):
    names = {
        slug(openai.unknown_model(one, 1)),
        slug(openai.unknown_model(other, 1)),
        *map(slug, CATALOGUE),
    }
    assert len(names) == len(CATALOGUE) + 2 and all(name.isascii() for name in names)
