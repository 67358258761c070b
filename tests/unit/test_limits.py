"""The owner's limits as settings, and the counting behind them; tests/robustness/test_limits.py tries them on a page."""

import threading
import time

import pytest

from ui.core.limits import quota_of
from vlm_backends import BadPrompt, CancelToken, Refused
from vlm_backends.config import read_accounts, read_limits
from vlm_backends.ratelimit import (
    ClientQuota,
    LeakyBucket,
    RateLimiter,
    VisitorLimits,
    in_words,
)

NOBODY, SOME = VisitorLimits(), VisitorLimits(30, 8, 500, 1000)


@pytest.mark.parametrize("env, expected", [
    ({}, NOBODY), ({"GRADIO_SERVER_NAME": "127.0.0.1"}, NOBODY), ({"GRADIO_SERVER_NAME": "localhost"}, NOBODY),
    ({"GRADIO_SERVER_NAME": "0.0.0.0"}, SOME), ({"GRADIO_SHARE": "True"}, SOME), ({"SPACE_ID": "me/it"}, VisitorLimits(30, 8, 500, 1000, 1)),
    ({"VLM_TRUSTED_PROXIES": "2"}, VisitorLimits(30, 8, 500, 1000, 2)), ({"VLM_BUDGET": "0"}, VisitorLimits(budget=0)),
    ({"SPACE_ID": "me/it", "VLM_TRUSTED_PROXIES": "0", "VLM_LIMIT_QUESTIONS": "off", "VLM_BUDGET": "OFF"}, VisitorLimits(None, 8, 500, None)),
    ({"VLM_LIMIT_STREAMS": " 3 ", "VLM_LIMIT_MEGABYTES": "9"}, VisitorLimits(None, 3, 9)),
])  # fmt: skip
def test_limits_are_there_where_others_reach_the_page(env, expected):
    assert read_limits(env) == expected


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
        read_limits({name: value})


@pytest.mark.parametrize(
    "name", ["VLM_LIMIT_QUESTIONS", "VLM_LIMIT_STREAMS", "VLM_LIMIT_MEGABYTES"]
)
def test_a_limit_of_nothing_is_a_sentence(name):
    with pytest.raises(BadPrompt, match=name):
        read_limits({name: "0"})


@pytest.mark.parametrize("setting, expected", [
    ("", {}), ("ann:pass", {"ann": "pass"}), ("ann:pa:ss", {"ann": "pa:ss"}), ("FILE", {"ann": "x", "bob": "y z"}),
])  # fmt: skip
def test_accounts(setting, expected, tmp_path):
    (tmp_path / "users").write_text("ann:x\n\n  bob:y z \n")
    assert (
        read_accounts({"VLM_AUTH": str(tmp_path / "users") if setting == "FILE" else setting})
        == expected
    )


@pytest.mark.parametrize(
    "setting", ["ann", ":secret-word", "ann:", "/no/such/secret-word", "FILE", "EMPTY"]
)
def test_accounts_that_are_none_are_a_sentence_without_the_password(setting, tmp_path):
    (tmp_path / "FILE").write_text("ann:x\nsecret-word\n")
    (tmp_path / "EMPTY").write_text("\n")
    with pytest.raises(BadPrompt, match="VLM_AUTH") as caught:
        read_accounts({"VLM_AUTH": str(tmp_path / setting) if setting.isupper() else setting})
    assert "secret-word" not in str(caught.value)


def test_a_bucket_lets_a_burst_pass_and_slows_down_what_goes_on():
    now = [100.0]
    bucket = LeakyBucket(3, 60, lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 20]
    now[0] += 15
    assert bucket.retry_after() == bucket.take() == 5
    now[0] += 5
    assert bucket.retry_after() == 0 == bucket.take() and bucket.take() == 20
    now[0] += 1000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 20], (
        "an empty bucket holds no more than a full one"
    )
    assert bucket.take(99) == 60, "what is larger than the bucket waits until it is empty"
    assert LeakyBucket(None, 60).take(10**9) == 0


def test_a_guest_is_forgotten_last_of_all_when_seen_last():
    limiter = RateLimiter(VisitorLimits(questions=1))
    first = quota_of(limiter, {"client": ("10.0.0.1", 1), "headers": ()})
    for number in range(10_050):
        quota_of(limiter, {"client": (f"10.1.{number >> 8}.{number & 255}", 1), "headers": ()})
        assert number > 5 or quota_of(limiter, {"client": ("10.0.0.1", 1), "headers": ()}) is first
    assert (
        quota_of(limiter, {"client": ("10.0.0.1", 1), "headers": ()}) is not first
        and len(limiter._quotas) == 10_000
    )


def test_a_new_day_is_a_new_budget_and_a_visitors_own_key_spends_none():
    now = [86_400.0 * 5 + 3600]
    limiter, quota = (
        RateLimiter(VisitorLimits(budget=2), lambda: now[0]),
        ClientQuota(VisitorLimits()),
    )
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
    limiter, quota = RateLimiter(VisitorLimits(streams=1)), ClientQuota(VisitorLimits(streams=1))
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
    quota, stop = ClientQuota(VisitorLimits(questions=1)), CancelToken()
    RateLimiter().turn(quota, False, stop)
    assert 50 < quota.questions.retry_after() <= 60, "the next one waits for a minute"
    threading.Timer(0.1, stop.set).start()
    begun = time.monotonic()
    RateLimiter(VisitorLimits(budget=0)).turn(quota, True, stop)  # it neither waits nor pays then
    assert stop.is_set() and time.monotonic() - begun < 30


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
