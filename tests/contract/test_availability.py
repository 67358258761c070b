"""Which models answer: what calls and looks leave behind, how it is said, and that nobody is asked unasked."""

import threading
import time
from contextlib import nullcontext
from datetime import datetime, timezone
from html.parser import HTMLParser

import gradio as gr
import pytest

import ui
import ui.components.availability_table
from tests.conftest import finished
from tests.support.paths import ASSETS
from tests.support.wire import replies as say
from tests.support.wire.problems import problem, problems
from ui.components.availability_table import Strip, strip
from ui.core.session import EngineRegistry, Visitor, registry
from ui.state.availability import columns, standing, summary
from ui.state.question import Asked, follow
from vlm_backends import (
    CATALOGUE,
    NVIDIA,
    BadPrompt,
    Embedded,
    Gone,
    Local,
    MissingKey,
    OpenAI,
    Prompt,
    Question,
    Refused,
    Reply,
    Turn,
    Unreachable,
    find_model,
    read,
)
from vlm_backends.engines import openai
from vlm_backends.engines.base import Observation
from vlm_backends.engines.http.client import Patience
from vlm_backends.engines.wire.errors import explain
from vlm_backends.journal import Journal, look, observation_of

KEY, OTHER = "nvapi-canary-0123456789", "nvapi-second-0123456789"
LLAMA, PHI, NEVA, DEPLOT, NEMOTRON = (
    find_model(id) for id in ("meta/llama-3.2-11b-vision-instruct", "microsoft/phi-3.5-vision-instruct", "nvidia/neva-22b",
                              "google/deplot", "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning")
)  # fmt: skip
QUICK = Patience(connect=2, silence=2, pause=0.01, poll=0.01)
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=timezone.utc).timestamp()
CAT = read(ASSETS / "cat.jpg")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def journal(monkeypatch):
    """A journal of its own for each test, which the page writes and reads."""
    openai.forget()
    journal = Journal()
    monkeypatch.setattr("ui.state.question.journal", journal)
    monkeypatch.setattr("ui.components.availability_table.journal", journal)
    return journal


def call(engine, model=NEMOTRON, stop_at_once=False):
    """A question as the page asks it; the record with its answer or its error."""
    asked = Asked(model, Prompt((Turn("user", model.prompts[0], (CAT,)),), model.sampling))

    async def run():
        async for _ in follow(asked, engine, nullcontext()):
            if stop_at_once:
                asked.halt()

    finished(run())
    return asked


def stands(engine, model, journal, now=NOW):
    found = standing(engine, model, journal, now)
    return found.word, found.detail, found.tone


# what an error tells


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
    assert explain(429, b"", "7").wait == 7.0 and explain(503, b"", "10800").wait == 10800.0
    assert explain(429, b"").wait is None and explain(500, b"", "soon").wait is None


# how it is said


@pytest.mark.parametrize("engine, model, word, detail, tone", [
    (NVIDIA(KEY), LLAMA, "seen live", "2026-09-09", "maybe"), (NVIDIA(""), LLAMA, "needs a key", "live on 2026-09-09", "off"),
    (NVIDIA(KEY), PHI, "unproven", "2026-08-29", "maybe"), (NVIDIA(""), PHI, "needs a key", "unproven", "off"),
    (NVIDIA(KEY), NEVA, "withdrawn", "as of 2026-08-29", "bad"), (NVIDIA(""), NEVA, "withdrawn", "as of 2026-08-29", "bad"),
    (Embedded(), LLAMA, "in part", "no conversation", "maybe"), (Embedded(), DEPLOT, "in part", "bar charts", "maybe"),
    (Local(), LLAMA, "needs 21.3 GB of weights", "gated", "off"), (Local(), DEPLOT, "needs 1.1 GB of weights", "", "off"),
    (Local(downloads=True), DEPLOT, "needs 1.1 GB of weights", "first question", "off"),
    (Local(), PHI, "needs a server of its own", "README", "off"), (Local(), NEMOTRON, "no open weights", "", "off"),
    (OpenAI(NOWHERE), LLAMA, "not served at 127.0.0.1:9", "", "off"),
], ids=lambda value: getattr(value, "id", None))  # fmt: skip
def test_what_is_known_before_anybody_was_asked(
    engine, model, word, detail, tone, monkeypatch, tmp_path, journal
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path), raising=False)
    found = standing(engine, model, journal, NOW)
    assert (found.word, found.tone) == (word, tone) and detail in found.detail


def test_weights_on_the_disk_are_ready_and_say_whose_they_are(journal, tmp_path):
    for model in (DEPLOT, NEVA):
        (tmp_path / model.id).mkdir(parents=True)
        (tmp_path / model.id / "config.json").write_text("{}")
        (tmp_path / model.id / "model.safetensors").write_bytes(b"")
    engine = Local(tmp_path)
    assert stands(engine, DEPLOT, journal) == ("ready", "", "good")
    assert stands(engine, NEVA, journal) == ("ready", "by llava-1.5-7b-hf", "good")
    assert summary(columns((engine,), journal, NOW)) == "Open weights here: 2 of 8 ready"
    assert "nothing more" in strip(EngineRegistry((engine,)), Visitor(), journal, NOW)[1]


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
    journal.called(engine, LLAMA, sign)
    assert stands(engine, LLAMA, journal)[:2] == (word, detail)


def test_this_machine_is_never_called_the_model(journal):
    journal.called(Embedded(), LLAMA, Observation("answered", NOW))
    assert stands(Embedded(), LLAMA, journal) == (
        "in part",
        "reads the picture here, no conversation, answered just now",
        "maybe",
    )


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
        journal.called(engine, model, called)
    journal.looked(engine, model, looked)
    found = standing(engine, model, journal, NOW)
    assert found.word == word and detail in found.detail


# real calls


GONE = problems["410 integrate"]


@pytest.mark.parametrize("replies, word, detail", [
    ([say.sse(["a cat"])], "ready", "answered just now"), ([say.sse([])], "ready", "answered just now"),
    ([say.sse(["half ", "whole"], cut_after=1)], "ready", "answered just now"),
    ([GONE], "withdrawn", "since 2026-05-18"), ([problems["404 function"]], "withdrawn", "NVIDIA said so just now"),
    ([problems["404 text"]], "withdrawn", "NVIDIA said so just now"),
    ([problem(429, "Too Many Requests", retry_after=120)], "rate limited", "until about"), ([problems["429"]] * 3, "rate limited", "until about"),
    ([problems["401 bad key"]], "refused", "not accepted"), ([problems["402"]], "refused", "credits"), ([problems["403"]], "refused", "may not call"),
    ([problems["503 offline"]], "refused", "until about"), ([problems["500"]], "refused", "status 500"),
    ([say.drop()] * 3, "unreachable", "just now"), ([problems["html 200"]], "unreachable", "just now"),
    ([problems["400 openai"]], "seen live", "by others"), ([problems["422 pydantic"]], "seen live", "by others"),
])  # fmt: skip
def test_real_calls_are_kept(wire, journal, replies, word, detail):
    engine = NVIDIA(KEY, wire.url, QUICK)
    wire.script += replies
    call(engine)
    assert len(wire.asked("chat")) == len(replies)
    found = standing(engine, NEMOTRON, journal, time.time())
    assert found.word == word and detail in found.detail


def test_nobody_there_is_unreachable(journal):
    engine = NVIDIA(KEY, NOWHERE, QUICK)
    assert "cannot be reached" in call(engine).error
    assert stands(engine, NEMOTRON, journal)[0] == "unreachable"
    assert stands(NVIDIA(KEY), NEMOTRON, journal)[0] == "seen live", "another address"


def test_a_call_stopped_before_its_first_word_tells_nothing(wire, journal):
    wire.script.append(say.slow_headers(20))
    call(NVIDIA(KEY, wire.url, QUICK), stop_at_once=True)
    assert not len(journal)


def test_leaving_after_the_first_word_is_an_answer(wire, journal):
    engine, gate = NVIDIA(KEY, wire.url, QUICK), threading.Event()
    wire.script.append(say.sse(["one ", "two"], gate=gate))
    prompt = Prompt((Turn("user", "Who?", (CAT,)),), NEMOTRON.sampling)
    answers = Reply(Question(NEMOTRON, prompt), engine, observer=journal.observe)
    while not next(answers).text:
        assert not len(journal)
    answers.close()
    assert journal.newest(engine, NEMOTRON, NOW).kind == "answered"
    assert wire.until(lambda: wire.disconnects == 1)


def test_a_server_that_lost_a_model_does_not_serve_it(wire, journal):
    engine = OpenAI(f"{wire.url}/v1", "", QUICK)
    wire.script.append(say.status(404, {"error": {"message": "The model `x` does not exist"}}))
    assert call(engine, PHI).gone
    assert stands(engine, PHI, journal, time.time())[:2] == ("not served", "it said so just now")


# whose it is


def test_two_keys_are_not_mixed(wire, journal, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", wire.url)
    halls = EngineRegistry((NVIDIA("nvapi-owner", wire.url), Embedded()))
    first, second, owner = Visitor(KEY), Visitor(OTHER), Visitor()
    engine = halls.present(first)[0]
    wire.script.append(problem(429, "Too Many Requests", retry_after=120))
    call(engine)
    assert "rate limited" in strip(halls, first, journal)[1]
    assert "rate limited" not in strip(halls, second, journal)[1] + strip(halls, owner, journal)[1]
    wire.script += [problems["401 bad key"]]
    call(halls.present(second)[0])
    assert "not accepted" in strip(halls, second, journal)[1]
    assert "not accepted" not in strip(halls, first, journal)[1] + strip(halls, owner, journal)[1]


def test_a_model_that_is_gone_is_gone_for_all_until_one_is_answered(journal):
    mine, others, elsewhere = NVIDIA(KEY), NVIDIA(OTHER), NVIDIA(OTHER, "http://elsewhere")
    journal.called(mine, LLAMA, Observation("gone", NOW - 60))
    assert stands(others, LLAMA, journal)[0] == stands(NVIDIA(""), LLAMA, journal)[0] == "withdrawn"
    assert stands(elsewhere, LLAMA, journal)[0] == "seen live"
    journal.called(others, LLAMA, Observation("answered", NOW))
    assert (
        stands(others, LLAMA, journal)[0] == "ready"
        and stands(NVIDIA("third"), LLAMA, journal)[0] == "seen live"
    )
    assert stands(mine, LLAMA, journal)[0] == "withdrawn", "that account may not have it"


def test_a_refused_key_is_refused_for_all_models_until_it_is_accepted(journal):
    engine = NVIDIA(KEY)
    journal.called(engine, LLAMA, Observation("refused", NOW - 9, status=401))
    assert (
        stands(engine, NEMOTRON, journal)[0] == "refused"
        and stands(NVIDIA(OTHER), LLAMA, journal)[0] == "seen live"
    )
    journal.called(engine, LLAMA, Observation("answered", NOW))
    assert stands(engine, NEMOTRON, journal)[0] == "seen live"


def test_no_key_is_kept_and_no_more_than_a_bounded_number_of_signs(journal):
    small = Journal(most=20)
    threads = [threading.Thread(target=lambda n=n: [small.called(NVIDIA(f"{KEY}{n}-{i}"), LLAMA, Observation("gone", NOW)) for i in range(200)])
               for n in range(4)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(small) == 20 and KEY not in repr(vars(small))


# looks


def test_a_look_at_nvidia_carries_no_key_and_asks_no_model(wire, journal):
    engine = NVIDIA(KEY, wire.url, QUICK)
    wire.scripts["models"].append(
        say.json_body(
            {"data": [{"id": LLAMA.id}, {"id": DEPLOT.id}, {"id": ["x"]}, {"id": 7}, "y", {}]}
        )
    )
    wire.scripts["model"] += [
        GONE,
        say.status(404, "Model does not exist by the name of x"),
        say.status(418, "tea"),
    ]
    look(engine, journal)
    assert {seen.method for seen in wire.seen} == {"GET"} and not wire.asked("chat")
    assert all(seen.token is None and KEY not in str(seen.headers) for seen in wire.seen)
    assert len(wire.asked("models")) == 1 and len(wire.asked("model")) == len(CATALOGUE) - 2
    assert wire.asked("model")[0].path == f"/v1/models/{PHI.id}"
    now = time.time()
    words = {model.title: standing(engine, model, journal, now).word for model in CATALOGUE}
    assert (
        words["Llama 3.2 Vision"] == "listed"
        and words["DePlot"] == words["Phi-3.5 Vision"] == "withdrawn"
    )
    assert words["Florence-2"] == words["PaliGemma"] == "unproven" and words["NeVA"] == "withdrawn"
    before = len(wire.seen)
    look(NVIDIA(OTHER, wire.url), journal)
    assert len(wire.seen) == before, "one look in a while, whoever asks for it"


@pytest.mark.parametrize("reply, words", [
    (say.status(502, "bad"), {"refused"}), (say.drop(), {"unreachable"}), (say.half_json(), {"unreachable"}),
    (problems["html 200"], {"unreachable"}), (say.status(503, b"", headers={"Retry-After": "600"}), {"refused"}),
    (say.sse([]), {"unproven", "withdrawn", "listed"}), (say.json_body({"data": 7}), {"unproven", "withdrawn", "listed"}),
    (say.json_body({}), {"unproven", "withdrawn", "listed"}), (say.status(401, "no"), {"unproven", "withdrawn", "listed"}),
    (say.redirect("http://127.0.0.1:9/"), {"unproven", "withdrawn", "listed"}),
])  # fmt: skip
def test_a_list_that_cannot_be_had_raises_nothing(wire, journal, reply, words):
    engine = NVIDIA(KEY, wire.url)
    wire.scripts["models"].append(reply)
    look(engine, journal)
    now = time.time()
    assert {standing(engine, model, journal, now).word for model in CATALOGUE} == words


def test_what_was_seen_before_the_line_broke_stays(wire, journal):
    wire.scripts["models"].append(say.json_body({"data": [{"id": LLAMA.id}]}))
    wire.scripts["model"].append(say.drop())
    engine = NVIDIA(KEY, wire.url)
    look(engine, journal)
    assert (
        stands(engine, LLAMA, journal)[0] == "listed"
        and stands(engine, PHI, journal)[0] == "unreachable"
    )


def test_a_look_at_a_server_asks_for_its_list_afresh(wire, journal):
    engine = OpenAI(f"{wire.url}/v1", KEY, QUICK)
    wire.scripts["models"].append(say.status(503, "starting"))
    assert stands(engine, PHI, journal)[0].startswith("not served")
    look(engine, journal)
    word, detail, tone = stands(engine, PHI, journal, time.time())
    assert word.startswith("ready at 127.0.0.1") and detail == "listed just now" and tone == "good"
    assert stands(engine, DEPLOT, journal)[0].startswith("not served") and not wire.asked("chat")


@pytest.mark.parametrize("reply, word", [(say.drop(), "unreachable"), (say.status(401, "no"), "refused"), (say.status(500, "no"), "refused"),
                                         (say.half_json(), "unreachable"), (say.status(404, "404 page not found"), "not served")])  # fmt: skip
def test_a_server_that_does_not_list_says_why(wire, journal, reply, word):
    engine = OpenAI(f"{wire.url}/v1", KEY, QUICK)
    wire.scripts["models"].append(reply)
    look(engine, journal)
    assert stands(engine, PHI, journal)[0] == word


def test_a_look_at_this_machine_asks_nobody(journal):
    for engine in (Embedded(), Local()):
        look(engine, journal)
    assert not len(journal)


# the table


class Cells(HTMLParser):
    """The texts of a table's rows, and every tag that was seen."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.caption = [], set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.here = tag
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            assert tag == "td" or dict(attributes)["scope"] in ("row", "col")

    def handle_data(self, data):
        if self.here == "caption":
            self.caption += data
        elif self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_a_stranger_on_a_fresh_machine_learns_what_to_do(journal):
    html = strip(EngineRegistry((Embedded(), NVIDIA(""))), Visitor(), journal, NOW)[1]
    table = Cells(html)
    head, *rows = table.rows
    assert (
        head
        == [
            "Model",
            "This machine",
            "NVIDIA",
            "Open weights here",
            "Your server",
            "To have it answer",
        ]
        and table.caption
    )
    assert [row[0] for row in rows] == [model.title for model in CATALOGUE] and {
        len(row) for row in rows
    } == {len(head)}
    ways = {row[0]: row[-1] for row in rows}
    assert ways["Llama 3.2 Vision"].startswith("an NVIDIA key, or 21.3 GB of open weights (gated)")
    assert ways["DePlot"].startswith("1.1 GB of open weights") and "key" not in ways["DePlot"]
    assert (
        ways["Phi-3.5 Vision"].startswith("a server with")
        and "perhaps an NVIDIA key" in ways["Phi-3.5 Vision"]
    )
    assert ways["Nemotron 3 Omni"].startswith("an NVIDIA key") and "llava" in ways["NeVA"]
    for told in (
        "build.nvidia.com",
        "pip install -r requirements-local.txt",
        "VLM_ENGINE=local",
        "VLM_BASE_URL=",
        "hf auth login",
    ):
        assert told in html
    assert rows[0][3].startswith("not installed 21.3 GB, gated") and rows[0][4].startswith(
        "not set up"
    )


@pytest.mark.parametrize("engines, visitor, line", [
    ((Embedded(), NVIDIA("")), Visitor(), "This machine: all 8 in part; NVIDIA needs a key"),
    ((NVIDIA(KEY), Embedded()), Visitor(), "NVIDIA: 3 unproven, 3 withdrawn, 2 seen live; This machine: all 8 in part"),
    ((Embedded(), NVIDIA("")), Visitor(KEY), "This machine: all 8 in part; NVIDIA: 3 unproven, 3 withdrawn, 2 seen live"),
])  # fmt: skip
def test_the_summary_is_one_line(journal, engines, visitor, line):
    found = summary(columns(EngineRegistry(engines).present(visitor), journal, NOW))
    assert sorted(found.replace(": ", ", ").split(", ")) == sorted(
        line.replace(": ", ", ").split(", ")
    )


def test_what_is_at_hand_is_not_advised(journal):
    html = strip(
        EngineRegistry((NVIDIA(KEY), Local(downloads=True), OpenAI(NOWHERE), Embedded())),
        Visitor(),
        journal,
        NOW,
    )[1]
    assert (
        "build.nvidia.com" not in html
        and "pip install" not in html
        and "VLM_BASE_URL" not in html
        and "VLM_ENGINE" not in html
    )
    assert "hf download" in strip(EngineRegistry((Local(), NVIDIA(""))), Visitor(), journal, NOW)[1]


@pytest.mark.parametrize(
    "wicked",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</td></table><b>",
        "&lt;script&gt;",
    ],
)
def test_hostile_words_are_letters(wicked, journal, monkeypatch):
    class Odd(Embedded):
        def state(self, model, task=None):
            return wicked

    class Stranger(Odd):
        pass

    other = Stranger(wicked)
    journal.called(other, LLAMA, Observation("gone", NOW, since=wicked))
    journal.called(NVIDIA(KEY), LLAMA, Observation("gone", NOW, since=wicked))
    html = strip(
        EngineRegistry((Odd(wicked), other, NVIDIA(KEY), OpenAI(f"http://{wicked}@h{wicked}/"))),
        Visitor(),
        journal,
        NOW,
    )[1]
    table = Cells(html)
    assert (
        not table.tags & {"script", "img"}
        and table.rows[0][1] == wicked
        and len({len(row) for row in table.rows}) == 1
    )
    monkeypatch.setenv("NVIDIA_BASE_URL", wicked)
    assert (
        "<script"
        not in (sentence := strip(EngineRegistry((NVIDIA(""),)), Visitor(KEY), journal, NOW)[1])
        and "NVIDIA_BASE_URL" in sentence
    )


# the part of the page


def test_nothing_is_asked_when_the_page_is_built_or_shown(wire, journal):
    server, nvidia = OpenAI(f"{wire.url}/v1"), NVIDIA(KEY, wire.url)
    with gr.Blocks():
        strip = Strip(EngineRegistry((nvidia, server, Embedded())), gr.State(Visitor()))
        assert not wire.seen
        strip.after(gr.Button().click(lambda: None))
    box, html = strip.show(Visitor())
    assert {seen.route for seen in wire.seen} == {"models"} and len(wire.seen) == 1, (
        "the server's list, as each tab asks for it"
    )
    assert box.label.startswith("Which models answer? NVIDIA:") and "<table>" in html
    strip.check(Visitor())
    assert not wire.asked("chat") and all(seen.token is None for seen in wire.asked("model"))


def test_a_setting_that_cannot_be_met_is_a_sentence(journal, monkeypatch):
    monkeypatch.setenv("NVIDIA_BASE_URL", "127.0.0.1:8808")
    with gr.Blocks():
        strip = Strip(registry(Embedded()), gr.State(Visitor()))
    for box, html in (strip.show(Visitor(KEY)), strip.check(Visitor(KEY))):
        assert box.label == "Which models answer?" and "NVIDIA_BASE_URL" in html and KEY not in html


def test_its_events_are_private_and_take_no_key_but_the_visitors_state(journal):
    with gr.Blocks() as page:
        Strip(registry(Embedded()), gr.State(Visitor()))
    assert page.fns and all(function.api_visibility == "private" for function in page.fns.values())
    assert all(
        isinstance(block, gr.State) for function in page.fns.values() for block in function.inputs
    )


def test_gone_keeps_its_sentence():
    error = explain(410, b'{"detail": "end of life on 2026-05-14T00"}')
    assert isinstance(error, Gone) and "on 2026-05-14" in str(error)
