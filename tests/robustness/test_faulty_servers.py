"""Servers that misbehave: each fault at each stage of a question ends in an answer or in one sentence."""

from collections.abc import Iterator

import pytest

from tests.support.broken_replies import FAULTS, SSE, STREAMS, WORDS, event, head, raw, whole
from tests.support.hostile_networks import bad_certificates, private_addresses, unreachable_servers
from tests.support.question_outcome import (
    KEY,
    STAGES,
    Outcome,
    Records,
    Stage,
    asked,
    handles,
    in_parallel,
    one_sentence,
    settled,
)
from tests.support.wire import Wire, pack

pytestmark = pytest.mark.filterwarnings("ignore")
HARMLESS = {  # faults that some stages need not mind
    # the answer is worth more: that the asset stays is logged
    "NVIDIA: an asset's end": set(FAULTS),
    # it is asked by the model's own name then
    "a server: its list": set(FAULTS),
}
FEW = {name for i, name in enumerate(FAULTS) if i % 8 == 0} | {
    "drips its head",
    "is busy for ever",
    "packs a bomb",
}
STREAM_STAGES = [stage for stage in STAGES if stage.name.endswith("the stream")]


@pytest.fixture(scope="module")
def before() -> int:
    """Count the threads and open files before the first question."""
    return handles()


@pytest.fixture(scope="module", autouse=True)
def records(before) -> Iterator[Records]:
    """Keep all log lines: none holds the key."""
    records = Records()
    with records.listening():
        yield records
    assert not [line for line in records.lines if KEY in line]


def wrong(found) -> list:
    """Return the cases that did not end as they should, with the reasons."""
    found = list(found)
    assert found
    return [(case, what) for case, what in found if what]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_fault_at_any_stage_ends_in_an_answer_or_in_one_sentence(stage, records, long_form):
    def run(name: str) -> list[str]:
        with Wire() as wire:
            stage.prepare(wire, FAULTS[name])
            outcome = asked(stage.engine(wire), stage.model)
            return list(_wrong(stage, name, wire, outcome, records))

    names = [name for name in FAULTS if long_form or name in FEW]
    assert wrong(in_parallel(names, run)) == []


@pytest.mark.parametrize("stage", STREAM_STAGES, ids=lambda stage: stage.name)
def test_words_that_had_arrived_stay(stage):
    def run(name: str) -> list[str]:
        with Wire() as wire:
            stage.prepare(wire, STREAMS[name])
            outcome = asked(stage.engine(wire), stage.model)
        right = outcome.text.strip() == "one two" and one_sentence(outcome.sentence)
        return [] if right else [f"{outcome}"]

    assert wrong(in_parallel(list(STREAMS), run)) == []


def _replies_to_cut() -> dict[str, tuple[Stage, bytes]]:
    events = b"".join(map(event, ("one ", "two ", "three"))) + b"data: [DONE]\n\n"
    lines = [line + b"\n" for line in events.split(b"\n")[:-1]]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines) + b"0\r\n\r\n"
    zipped = pack({"1.response": whole()})
    chunked = head(kind=SSE, transfer_encoding="chunked")
    return {
        "a stream": (STAGES[0], head(kind=SSE) + events),
        "a stream in chunks": (STAGES[0], chunked + chunks),
        "a server's stream": (STAGES[-1], head(kind=SSE) + events),
        "a whole answer": (STAGES[1], head(length=len(whole())) + whole()),
        "a zip": (STAGES[6], head(kind="application/zip", length=len(zipped)) + zipped),
    }


@pytest.mark.parametrize("stage, reply", _replies_to_cut().values(), ids=_replies_to_cut())
def test_a_reply_that_is_cut_anywhere(stage, reply, long_form):
    found = []
    with Wire() as wire:
        for at in (*range(0, len(reply), 1 if long_form else 29), len(reply)):
            stage.prepare(wire, raw(reply[:at]))
            outcome = asked(stage.engine(wire), stage.model)
            wire.script.clear()
            wire.scripts.clear()
            found.append((at, _wrong_cut(reply, at, outcome)))
        assert not wire.assets
    assert wrong(found) == []


def test_nothing_is_asked_where_the_certificate_is_not_good():
    assert wrong(bad_certificates()) == []


def test_no_name_no_listener_and_a_slow_one():
    assert wrong(unreachable_servers()) == []


def test_a_private_address_is_never_called_for_a_public_host():
    assert wrong(private_addresses()) == []


def test_no_thread_file_or_socket_is_left(before):
    """Run last: pytest has freed the log lines of the other tests by then."""
    assert settled(before) == 0


def _wrong(
    stage: Stage, name: str, wire: Wire, outcome: Outcome, records: Records
) -> Iterator[str]:
    harmless = name in HARMLESS.get(stage.name, ())
    if outcome.fault or not outcome.answered and not one_sentence(outcome.sentence):
        yield f"{outcome}"
    if harmless != outcome.answered:
        yield f"{'no ' * harmless}answer: {outcome}"
    log = "\n".join(list(records.lines))
    if any(id not in log and "whose name did not arrive" not in log for id in wire.assets):
        yield "an asset is left, and nobody was told"
    wire.script.clear()
    wire.scripts.clear()
    if not (after := asked(stage.engine(wire), stage.model)).answered:
        yield f"the next question: {after}"


def _wrong_cut(reply: bytes, at: int, outcome: Outcome) -> list[str]:
    """Return what is wrong with the outcome of a reply that was cut at byte `at`.

    It gives the words of its whole events, or none; the whole reply gives all of them, and no error.
    """
    if outcome.fault:
        return [outcome.fault]
    over = b"[DONE]" in reply[:at] if b"[DONE]" in reply else at == len(reply)
    arrived = (
        sum(f'"{word}' in reply[:at].decode("latin-1") for word in WORDS.split())
        if b"[DONE]" in reply
        else 0
    )
    if outcome.answered:
        return [] if over and outcome.text.strip() == WORDS else [f"answered: {outcome}"]
    kept = outcome.text.split()
    fits = kept == WORDS.split()[: len(kept)] and arrived - 1 <= len(kept) <= arrived
    return [] if one_sentence(outcome.sentence) and fits else [f"{outcome}"]
