"""Servers that misbehave: each fault at each stage of a question ends in an answer or in one sentence."""

from collections.abc import Iterator
from itertools import product

from tests.support.broken_replies import FAULTS, SSE, STREAMS, WORDS, event, head, raw, whole
from tests.support.hostile_networks import astray, unreached, unsafe
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
)  # fmt: skip
from tests.support.rows import Row
from tests.support.wire import Wire, pack

HARMLESS = {  # faults that some stages need not mind
    "NVIDIA: an asset's end": set(
        FAULTS
    ),  # the answer is worth more: that the asset stays is logged
    "a server: its list": set(FAULTS),  # it is asked by the model's own name then
}
SHORT = {name for i, name in enumerate(FAULTS) if i % 8 == 0} | {
    "drips its head",
    "is busy for ever",
    "packs a bomb",
}


def rows(short: bool) -> Iterator[Row]:
    """Faults by stage, streams that break after their first words, replies cut at each byte."""
    before, records = handles(), Records()
    with records.listening():
        yield _row(
            "a fault at any stage ends in an answer or in one sentence", _struck(short, records)
        )
        yield _row("words that had arrived stay", _broken())
        yield _row("a reply that is cut anywhere", _cut(29 if short else 1))
        yield _row("nothing is asked where the certificate is not good", list(unsafe()))
        yield _row("no name, no listener, a slow one", list(unreached()))
        yield _row("a private address is never called for a public host", list(astray()))
    yield Row(
        "the key is in no sentence and no log line",
        len(records.lines),
        len(records.lines),
        _leaks(records),
    )
    yield Row("no thread, file or socket is left", 1, 1, settled(before))


def _row(promise: str, found: list) -> Row:
    wrong = [(case, what) for case, what in found if what]
    remark = "; ".join(f"{case}: {', '.join(what)}" for case, what in wrong[:3])
    return Row(promise, len(found), len(found) - len(wrong), remark=remark)


def _leaks(records: Records) -> int:
    return sum(KEY in line for line in records.lines)


def _struck(short: bool, records: Records) -> list:
    names = [name for name in FAULTS if not short or name in SHORT]

    def run(case: tuple[Stage, str]) -> list[str]:
        stage, name = case
        with Wire() as wire:
            stage.prepare(wire, FAULTS[name])
            return list(_wrong(stage, name, wire, asked(stage.engine(wire), stage.model), records))

    found = in_parallel(list(product(STAGES, names)), run)
    return [((stage.name, name), wrong) for (stage, name), wrong in found]


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


def _broken() -> list:
    stages = [stage for stage in STAGES if stage.name.endswith("the stream")]

    def run(case: tuple[Stage, str]) -> list[str]:
        stage, name = case
        with Wire() as wire:
            stage.prepare(wire, STREAMS[name])
            outcome = asked(stage.engine(wire), stage.model)
            return (
                []
                if outcome.text.strip() == "one two" and one_sentence(outcome.sentence)
                else [f"{outcome}"]
            )

    return [
        ((stage.name, name), wrong)
        for (stage, name), wrong in in_parallel(list(product(stages, STREAMS)), run)
    ]


def _cut(step: int) -> list:
    events = b"".join(map(event, ("one ", "two ", "three"))) + b"data: [DONE]\n\n"
    chunks = (
        b"".join(
            b"%x\r\n%s\r\n" % (len(line) + 1, line + b"\n") for line in events.split(b"\n")[:-1]
        )
        + b"0\r\n\r\n"
    )
    zipped = pack({"1.response": whole()})
    replies = [
        (STAGES[0], head(kind=SSE) + events), (STAGES[0], head(kind=SSE, transfer_encoding="chunked") + chunks),
        (STAGES[-1], head(kind=SSE) + events), (STAGES[1], head(length=len(whole())) + whole()),
        (STAGES[6], head(kind="application/zip", length=len(zipped)) + zipped),
    ]  # fmt: skip
    found = []
    with Wire() as wire:
        for stage, reply in replies:
            for at in (*range(0, len(reply), step), len(reply)):
                stage.prepare(wire, raw(reply[:at]))
                outcome = asked(stage.engine(wire), stage.model)
                wire.script.clear()
                wire.scripts.clear()
                found.append(((stage.name, at), _wrong_cut(reply, at, outcome)))
        found.append(("assets", ["some are left"] if wire.assets else []))
    return found


def _wrong_cut(reply: bytes, at: int, outcome: Outcome) -> list[str]:
    """A cut reply gives the words of its whole events, or none; the whole one all of them, and no error."""
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
