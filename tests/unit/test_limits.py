"""The owner's limits as settings, and the counting behind them; `python -m tests.robustness limits` tries them on a page."""

import subprocess
import sys

import gradio as gr
import pytest

from tests.conftest import finished
from tests.support.page_process import environment
from tests.support.paths import ASSETS
from ui.core.limits import ClientQuota, LeakyBucket, Limits, RateLimiter, in_words, limits
from ui.core.session import EngineRegistry, Visitor
from ui.state.conversation import Talk
from ui.state.task_run import Run
from ui.tabs.chat import ChatTab
from ui.tabs.task_runner import Runs
from ui.web.middleware import accounts
from vlm_backends import NVIDIA, BadPrompt, CancelToken, Refused, find_model

NOBODY, SOME = Limits(), Limits(30, 8, 500, 1000)


@pytest.mark.parametrize("env, expected", [
    ({}, NOBODY), ({"GRADIO_SERVER_NAME": "127.0.0.1"}, NOBODY), ({"GRADIO_SERVER_NAME": "localhost"}, NOBODY),
    ({"GRADIO_SERVER_NAME": "0.0.0.0"}, SOME), ({"GRADIO_SHARE": "True"}, SOME), ({"SPACE_ID": "me/it"}, Limits(30, 8, 500, 1000, 1)),
    ({"VLM_TRUSTED_PROXIES": "2"}, Limits(30, 8, 500, 1000, 2)), ({"VLM_BUDGET": "0"}, Limits(budget=0)),
    ({"SPACE_ID": "me/it", "VLM_TRUSTED_PROXIES": "0", "VLM_LIMIT_QUESTIONS": "off", "VLM_BUDGET": "OFF"}, Limits(None, 8, 500, None)),
    ({"VLM_LIMIT_STREAMS": " 3 ", "VLM_LIMIT_MEGABYTES": "9"}, Limits(None, 3, 9)),
])  # fmt: skip
def test_limits_are_there_where_others_reach_the_page(env, expected):
    assert limits(env) == expected


@pytest.mark.parametrize(
    "name",
    [
        "VLM_LIMIT_QUESTIONS",
        "VLM_LIMIT_STREAMS",
        "VLM_LIMIT_MEGABYTES",
        "VLM_BUDGET",
        "VLM_TRUSTED_PROXIES",
    ],
)
@pytest.mark.parametrize("value", ["-1", "many", "1.5", "1e3", "٣", "9999999999", "none", "0x10"])
def test_a_limit_that_is_no_number_is_a_sentence(name, value):
    with pytest.raises(BadPrompt, match=name):
        limits({name: value})


@pytest.mark.parametrize(
    "name", ["VLM_LIMIT_QUESTIONS", "VLM_LIMIT_STREAMS", "VLM_LIMIT_MEGABYTES"]
)
def test_a_limit_of_nothing_is_a_sentence(name):
    with pytest.raises(BadPrompt, match=name):
        limits({name: "0"})


@pytest.mark.parametrize("setting, expected", [
    ("", {}), ("ann:pass", {"ann": "pass"}), ("ann:pa:ss", {"ann": "pa:ss"}), ("FILE", {"ann": "x", "bob": "y z"}),
])  # fmt: skip
def test_accounts(setting, expected, tmp_path):
    (tmp_path / "users").write_text("ann:x\n\n  bob:y z \n")
    assert (
        accounts({"VLM_AUTH": str(tmp_path / "users") if setting == "FILE" else setting})
        == expected
    )


@pytest.mark.parametrize(
    "setting", ["ann", ":secret-word", "ann:", "/no/such/secret-word", "FILE", "EMPTY"]
)
def test_accounts_that_are_none_are_a_sentence_without_the_password(setting, tmp_path):
    (tmp_path / "FILE").write_text("ann:x\nsecret-word\n")
    (tmp_path / "EMPTY").write_text("\n")
    with pytest.raises(BadPrompt, match="VLM_AUTH") as caught:
        accounts({"VLM_AUTH": str(tmp_path / setting) if setting.isupper() else setting})
    assert "secret-word" not in str(caught.value)


def test_a_bucket_lets_a_burst_pass_and_slows_down_what_goes_on():
    now = [100.0]
    bucket = LeakyBucket(3, 60, lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 20]
    now[0] += 15
    assert bucket.due() == bucket.take() == 5
    now[0] += 5
    assert bucket.due() == 0 == bucket.take() and bucket.take() == 20
    now[0] += 1000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 20], (
        "an empty bucket holds no more than a full one"
    )
    assert bucket.take(99) == 60, "what is larger than the bucket waits until it is empty"
    assert LeakyBucket(None, 60).take(10**9) == 0


def test_a_guest_is_forgotten_last_of_all_when_seen_last():
    limiter = RateLimiter(Limits(questions=1))
    first = limiter.quota({"client": ("10.0.0.1", 1), "headers": ()})
    for number in range(10_050):
        limiter.quota({"client": (f"10.1.{number >> 8}.{number & 255}", 1), "headers": ()})
        assert number > 5 or limiter.quota({"client": ("10.0.0.1", 1), "headers": ()}) is first
    assert (
        limiter.quota({"client": ("10.0.0.1", 1), "headers": ()}) is not first
        and len(limiter._guests) == 10_000
    )


def test_a_new_day_is_a_new_budget_and_a_visitors_own_key_spends_none():
    now = [86_400.0 * 5 + 3600]
    limiter, quota = RateLimiter(Limits(budget=2), lambda: now[0]), ClientQuota(Limits())
    for _ in range(5):
        limiter.turn(quota, False, CancelToken())
    limiter.turn(quota, True, CancelToken())
    with limiter.admitted(quota, True):
        pass
    with pytest.raises(Refused, match="today. Ask again in 23 hours"):
        limiter.turn(quota, True, CancelToken())
    now[0] += 86_400
    limiter.turn(quota, True, CancelToken())


def test_an_answer_that_ends_in_any_way_makes_room_for_the_next():
    limiter, quota = RateLimiter(Limits(streams=1)), ClientQuota(Limits(streams=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limiter.admitted(quota, False):
            raise ZeroDivisionError
    with (
        limiter.answering(quota),
        pytest.raises(Refused, match="on their way"),
        limiter.answering(quota),
    ):
        pass
    assert quota.answers == 0


def test_a_batch_waits_for_its_turns_and_a_stop_ends_the_wait():
    quota, stop = ClientQuota(Limits(questions=1)), CancelToken()
    RateLimiter().turn(quota, False, stop)
    stop.set()
    RateLimiter(Limits(budget=0)).turn(quota, True, stop)


SPENT = EngineRegistry(
    (NVIDIA("nvapi-owner", "http://127.0.0.1:9"),), limiter=RateLimiter(Limits(budget=0))
)


def drained(iterator):
    async def run():
        return [item async for item in iterator]

    return finished(run())


def test_a_refused_question_goes_back_into_the_box():
    with gr.Blocks():
        chat, talk = (
            ChatTab(find_model("meta/llama-3.2-11b-vision-instruct"), SPENT, gr.State(Visitor())),
            Talk(),
        )
    chat.take(talk, {"text": "Who?", "files": [ASSETS / "cat.jpg"]})
    drained(chat.stream(talk, Visitor(), 512, 1.0, 1.0, None))
    shown, _, box, *_ = chat.finish(talk, Visitor())
    assert box["text"] == "Who?" and len(box["files"]) == 1 and not talk.turns
    assert "paid for all it may today" in shown[-1]["content"]


def test_a_refused_task_is_a_notice_and_what_stood_there_stays():
    runs, run = Runs(find_model("microsoft/florence-2"), SPENT), Run()
    runs.take(run, str(ASSETS / "sign.jpg"), "", None, None, None, None)
    drained(runs.stream(run, Visitor()))
    notice, *_ = runs.finish(run, Visitor())
    assert "paid for all it may today" in notice and run.asked is None and run.picture


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0.2, "1 second"),
        (1.2, "2 seconds"),
        (60, "60 seconds"),
        (61, "2 minutes"),
        (3700, "2 hours"),
    ],
)
def test_spans_are_rounded_up(seconds, words):
    assert in_words(seconds) == words


def test_a_page_with_a_wrong_limit_does_not_start_and_leaves_nothing(tmp_path):
    with environment(VLM_BUDGET="lots", TMPDIR=str(tmp_path)):
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ASSETS.parent,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (
        done.returncode == 1
        and done.stderr.strip() == "Not started. VLM_BUDGET must be a whole number, or off."
    )
    assert not list(tmp_path.iterdir())
