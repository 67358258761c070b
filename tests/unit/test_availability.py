"""What is known about each model without asking anybody: errors, lists, calls, and how they are said."""

import threading

import pytest

from tests.support.availability import (
    DEPLOT,
    LLAMA,
    NEMOTRON,
    NEVA,
    NOW,
    NOWHERE,
    PHI,
    availability_of,
    shown_table,
)
from ui.core.session import EngineRegistry, Visitor
from ui.state.availability import availability, columns, summary
from vlm_backends import (
    NVIDIA,
    BadPrompt,
    Embedded,
    Gone,
    Local,
    MissingKey,
    OpenAI,
    Refused,
    Unreachable,
)
from vlm_backends.engines.base import Observation
from vlm_backends.engines.wire.errors import explain
from vlm_backends.journal import Journal, observation_of

KEY, OTHER = "nvapi-canary-0123456789", "nvapi-second-0123456789"


@pytest.mark.parametrize("error, kind, until", [
    (explain(410, b'{"detail": "has reached its end of life on 2026-05-14T00:00:00Z and"}'), "gone", None),
    (explain(404, b'{"detail": "Function \'x\': Not found for account \'y\'"}'), "gone", None),
    (explain(429, b"", "120"), "limited", NOW + 120), (explain(429, b"", "0"), "limited", NOW),
    (explain(429, b""), "limited", NOW + 60), (explain(429, b"", "soon"), "limited", NOW + 60),
    (explain(429, b"", "inf"), "limited", NOW + 86_400), (explain(429, b"", "1e308"), "limited", NOW + 86_400),
    (explain(429, b"", "nan"), "limited", NOW), (explain(429, b"", "-5"), "limited", NOW),
    (explain(503, b"", "10800"), "refused", NOW + 10_800), (explain(503, b""), "refused", None),
    (explain(401, b""), "refused", None), (explain(500, b""), "refused", None), (Refused("out of memory"), "refused", None),
    (Unreachable("no"), "unreachable", None),
    (explain(400, b""), None, None), (explain(413, b""), None, None), (explain(422, b""), None, None),
    (explain(404, b'{"detail": "failed to find asset"}'), None, None),
    (BadPrompt("a picture first"), None, None), (MissingKey("no key"), None, None),
])  # fmt: skip
def test_what_an_error_tells_of_the_model(error, kind, until):
    sign = observation_of(error, NOW)
    assert (sign and sign.kind) == kind and (not sign or (sign.at, sign.until) == (NOW, until))


def test_an_error_carries_the_end_and_the_wait():
    assert explain(410, b'{"detail": "end of life on 2026-05-18T00:00:00Z"}').since == "2026-05-18"
    assert explain(410, b"").since == "" and explain(404, b"404 page not found").since == ""
    assert (
        explain(429, b"", "7").retry_after == 7.0
        and explain(503, b"", "10800").retry_after == 10800.0
    )
    assert explain(429, b"").retry_after is None and explain(500, b"", "soon").retry_after is None


@pytest.mark.parametrize("engine, model, word, detail, tone", [
    (NVIDIA(KEY), LLAMA, "seen live", "2026-09-09", "maybe"), (NVIDIA(""), LLAMA, "needs a key", "live on 2026-09-09", "off"),
    (NVIDIA(KEY), PHI, "unproven", "2026-08-29", "maybe"), (NVIDIA(""), PHI, "needs a key", "unproven", "off"),
    (NVIDIA(KEY), NEVA, "withdrawn", "as of 2026-08-29", "bad"), (NVIDIA(""), NEVA, "withdrawn", "as of 2026-08-29", "bad"),
    (Embedded(), LLAMA, "in part", "no conversation", "maybe"), (Embedded(), DEPLOT, "in part", "bar charts", "maybe"),
    (Local(), LLAMA, "needs 21.3 GB of weights", "licence to accept", "off"), (Local(), DEPLOT, "needs 1.1 GB of weights", "", "off"),
    (Local(downloads=True), DEPLOT, "needs 1.1 GB of weights", "first question", "off"),
    (Local(), PHI, "needs a server of its own", "such as vLLM", "off"), (Local(), NEMOTRON, "no open weights", "", "off"),
    (OpenAI(NOWHERE), LLAMA, "not known", "127.0.0.1:9 gave no list of its models", "off"),
], ids=lambda value: getattr(value, "id", None))  # fmt: skip
def test_what_is_known_before_anybody_was_asked(
    engine, model, word, detail, tone, monkeypatch, tmp_path, journal
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path), raising=False)
    found = availability(engine, model, journal, NOW)
    assert (found.word, found.tone) == (word, tone) and detail in found.detail


def test_weights_on_the_disk_are_ready_and_say_whose_they_are(journal, tmp_path):
    for model in (DEPLOT, NEVA):
        (tmp_path / model.id).mkdir(parents=True)
        (tmp_path / model.id / "config.json").write_text("{}")
        (tmp_path / model.id / "model.safetensors").write_bytes(b"")
    engine = Local(tmp_path)
    assert availability_of(engine, DEPLOT, journal) == ("ready", "", "good")
    assert availability_of(engine, NEVA, journal) == ("ready", "by llava-1.5-7b-hf", "good")
    assert summary(columns((engine,), journal, NOW)) == "Open weights here: 2 of 8 ready"
    assert "nothing more" in shown_table(EngineRegistry((engine,)), Visitor(), journal, NOW)[1]


@pytest.mark.parametrize("sign, word, detail", [
    (Observation("answered", NOW - 130), "ready", "answered 2 min ago"), (Observation("answered", NOW), "ready", "answered just now"),
    (Observation("answered", NOW + 99), "ready", "answered just now"), (Observation("answered", NOW - 7300), "ready", "answered 2 h ago"),
    (Observation("answered", NOW - 9e5), "ready", "answered 10 d ago"),
    (Observation("gone", NOW - 61, since="2026-05-14"), "withdrawn", "since 2026-05-14"),
    (Observation("gone", NOW - 61), "withdrawn", "NVIDIA said so 1 min ago"),
    (Observation("limited", NOW, NOW + 330), "rate limited", "until about 14:05 UTC"),
    (Observation("limited", NOW - 330, NOW - 1), "seen live", "by others, on 2026-09-09"),
    (Observation("refused", NOW, status=401), "refused", "the key was not accepted, just now"),
    (Observation("refused", NOW, NOW + 10_800, status=503), "refused", "no room there, until about 17:00 UTC"),
    (Observation("refused", NOW, status=599), "refused", "status 599, just now"),
    (Observation("unreachable", NOW - 3600), "unreachable", "tried 1 h ago"),
])  # fmt: skip
def test_a_call_outranks_what_was_known(journal, sign, word, detail):
    engine = NVIDIA(KEY)
    journal.add_call(engine, LLAMA, sign)
    assert availability_of(engine, LLAMA, journal)[:2] == (word, detail)


def test_this_machine_is_never_called_the_model(journal):
    journal.add_call(Embedded(), LLAMA, Observation("answered", NOW))
    assert availability_of(Embedded(), LLAMA, journal) == (
        "in part",
        "finds things (SSDLite), reads text (PP-OCRv6), no conversation, answered just now",
        "maybe",
    )
    assert Embedded().capability(LLAMA).computed_by == "SSDLite and PP-OCRv6"


@pytest.mark.parametrize("called, looked, key, model, word, detail", [
    (None, Observation("listed", NOW), KEY, LLAMA, "listed", "only a question proves it"),
    (None, Observation("listed", NOW), "", LLAMA, "needs a key", "in NVIDIA's list (just now)"),
    (None, Observation("listed", NOW), KEY, DEPLOT, "withdrawn", "as of 2026-08-29, in NVIDIA's list (just now)"),
    (None, Observation("unlisted", NOW), KEY, LLAMA, "unproven", "not in NVIDIA's list (just now)"),
    (None, Observation("gone", NOW, since="2026-05-14"), "", LLAMA, "withdrawn", "since 2026-05-14"),
    (Observation("answered", NOW - 300), Observation("listed", NOW), KEY, LLAMA, "ready", "answered 5 min ago"),
    (Observation("answered", NOW - 300), Observation("unlisted", NOW), KEY, LLAMA, "ready", "answered 5 min ago"),
    (Observation("answered", NOW - 300), Observation("gone", NOW), KEY, LLAMA, "withdrawn", "just now"),
    (Observation("answered", NOW - 300), Observation("unreachable", NOW), KEY, LLAMA, "unreachable", "just now"),
    (Observation("gone", NOW - 300), Observation("listed", NOW), KEY, LLAMA, "withdrawn", "5 min ago"),
    (Observation("limited", NOW - 9, NOW + 60), Observation("listed", NOW), KEY, LLAMA, "rate limited", "14:01"),
    (Observation("unreachable", NOW - 300), Observation("listed", NOW), KEY, LLAMA, "listed", "just now"),
    (Observation("unreachable", NOW), Observation("listed", NOW - 300), KEY, LLAMA, "unreachable", "just now"),
])  # fmt: skip
def test_a_list_is_no_proof_of_life(journal, called, looked, key, model, word, detail):
    engine = NVIDIA(key)
    if called:
        journal.add_call(engine, model, called)
    journal.add_probe(engine, model, looked)
    found = availability(engine, model, journal, NOW)
    assert found.word == word and detail in found.detail


def test_a_model_that_is_gone_is_gone_for_all_until_one_is_answered(journal):
    mine, others, elsewhere = NVIDIA(KEY), NVIDIA(OTHER), NVIDIA(OTHER, "http://elsewhere")
    journal.add_call(mine, LLAMA, Observation("gone", NOW - 60))
    assert (
        availability_of(others, LLAMA, journal)[0]
        == availability_of(NVIDIA(""), LLAMA, journal)[0]
        == "withdrawn"
    )
    assert availability_of(elsewhere, LLAMA, journal)[0] == "seen live"
    journal.add_call(others, LLAMA, Observation("answered", NOW))
    assert (
        availability_of(others, LLAMA, journal)[0] == "ready"
        and availability_of(NVIDIA("third"), LLAMA, journal)[0] == "seen live"
    )
    assert availability_of(mine, LLAMA, journal)[0] == "withdrawn", "that account may not have it"


def test_a_refused_key_is_refused_for_all_models_until_it_is_accepted(journal):
    engine = NVIDIA(KEY)
    journal.add_call(engine, LLAMA, Observation("refused", NOW - 9, status=401))
    assert (
        availability_of(engine, NEMOTRON, journal)[0] == "refused"
        and availability_of(NVIDIA(OTHER), LLAMA, journal)[0] == "seen live"
    )
    journal.add_call(engine, LLAMA, Observation("answered", NOW))
    assert availability_of(engine, NEMOTRON, journal)[0] == "seen live"


def test_no_key_is_kept_and_no_more_than_a_bounded_number_of_signs(journal):
    small = Journal(capacity=20)
    threads = [threading.Thread(target=lambda n=n: [small.add_call(NVIDIA(f"{KEY}{n}-{i}"), LLAMA, Observation("gone", NOW)) for i in range(200)])
               for n in range(4)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(small) == 20 and KEY not in repr(vars(small))


def test_gone_keeps_its_sentence():
    error = explain(410, b'{"detail": "end of life on 2026-05-14T00"}')
    assert isinstance(error, Gone) and "on 2026-05-14" in str(error)
