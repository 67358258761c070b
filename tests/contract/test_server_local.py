"""Open weights behind our own server: what the tiny checkpoints say in process, they say over the wire, place by place."""

import pytest

pytest.importorskip("torch", reason="torch is not installed: see requirements-local.txt")
pytest.importorskip(
    "transformers", reason="transformers is not installed: see requirements-local.txt"
)

from tests.support import checkpoints as tiny
from tests.support.paths import ASSETS
from tests.support.questions import FLORENCE, QUICK, SIGN, outcome
from tests.support.servers import serving
from vlm_backends import (
    TASKS,
    CancelToken,
    OpenAI,
    Prompt,
    Sampling,
    Turn,
    ask,
    connect,
    find_model,
    read,
    write_task,
)

pytestmark = pytest.mark.local
SEEDED = Sampling(24, 1.0, 1.0, seed=7)
ASKED = [
    *((find_model(id), Prompt((Turn("user", find_model(id).prompts[0], (read(ASSETS / "chart.png"),)),), SEEDED), None)
      for id in tiny.FAMILIES if id != FLORENCE.id),
    *((FLORENCE, Prompt((Turn("user", write_task(task, "a dog", (0.1, 0.1, 0.9, 0.9)), (SIGN,)),)), task) for task in TASKS),
]  # fmt: skip
TALK = Prompt(
    (
        Turn("user", "What is this?", (SIGN,)),
        Turn("assistant", "A sign."),
        Turn("user", "And now?", (read(ASSETS / "cat.jpg"),)),
    ),
    SEEDED,
)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    root = tmp_path_factory.mktemp("weights")
    tiny.build(root)
    return connect({"VLM_WEIGHTS": str(root), "VLM_ENGINE": "local", "VLM_RESIDENTS": "6"})


@pytest.fixture(scope="module")
def there(here):
    with serving(here) as url:
        yield OpenAI(url, "", QUICK)


@pytest.mark.parametrize(
    "model, prompt, task", ASKED, ids=[row[2].token if row[2] else row[0].id for row in ASKED]
)
def test_open_weights_lose_nothing_over_the_wire(here, there, model, prompt, task):
    said = outcome(here, model, prompt, task)
    assert said == outcome(there, model, prompt, task) and said[0] is not None
    assert (
        model in there.models()
        and here.capability(model, task).summary in there.capability(model, task).summary
    )


def test_the_noise_has_places_to_lose(here):
    assert any(outcome(here, *row)[1] for row in ASKED), (
        "or else the test above shows nothing of regions"
    )


def test_a_conversation_with_two_pictures_is_the_same(here, there):
    model = find_model("nvidia/neva-22b")
    assert outcome(here, model, TALK, None) == outcome(there, model, TALK, None)
    *_, local = ask(here, model, TALK)
    *_, served = ask(there, model, TALK)
    assert local.note in served.note and local.tokens == served.tokens


def test_a_stop_over_the_wire_frees_the_weights(here, there):
    model, stop = find_model("nvidia/neva-22b"), CancelToken()
    answers = ask(there, model, Prompt(TALK.turns[:1], Sampling(1000, 1.0, 1.0, seed=1)), stop=stop)
    while not next(answers).text:
        pass
    stop.set()
    assert list(answers) is not None and outcome(there, model, TALK, None) == outcome(
        here, model, TALK, None
    )
