"""One question on its way: what is asked of whom, and what has arrived of the answer."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, field

from ui.core.shutdown import closing
from vlm_backends import (
    Answer,
    CancelToken,
    Chunk,
    Engine,
    Gone,
    MissingKey,
    Model,
    Picture,
    Prompt,
    Task,
    VLMError,
)
from vlm_backends.concurrency import latest_items
from vlm_backends.journal import journal
from vlm_backends.reply import heard, understood

FAULT = "This question met a fault in this program; its log says more. Try another picture, or another engine."


@dataclass
class Clock:
    """Seconds from the question to the first words that somebody can read, and to the last."""

    start: float = field(default_factory=time.perf_counter)
    first_s: float | None = None
    total_s: float = 0.0

    def tick(self) -> None:
        """Something has arrived."""
        self.total_s = time.perf_counter() - self.start

    def read(self) -> None:
        """There are words."""
        self.first_s = time.perf_counter() - self.start if self.first_s is None else self.first_s


@dataclass
class Asked:
    """A question and the answer so far; the server's own record, filled by `follow`."""

    model: Model
    prompt: Prompt
    task: Task | None = None
    engine: Engine | None = None
    heard: Chunk = Chunk()  # all of the reply so far
    answered: Chunk | None = None  # what of it has been read
    answer: Answer = Answer("")  # and what that means
    error: str = ""
    gone: bool = False  # the engine has this model no longer, or never had it
    clock: Clock = field(default_factory=Clock)
    stop: CancelToken = field(default_factory=CancelToken)
    stopped: bool = False  # by the visitor

    def read(self) -> Answer:
        """What has been heard is read: for each look once, not for each piece."""
        if self.answered is not self.heard:
            self.answered = self.heard
            self.answer = understood(self.heard, (self.task or self.model).read)
            if self.answer.text or self.answer.regions:
                self.clock.read()
        return self.answer

    def halt(self) -> None:
        """The visitor has heard enough: what has arrived stays, the upstream call ends."""
        self.stopped = True
        self.stop.set()

    def cut(self, why: str) -> None:
        """The page ends it, and says why."""
        self.error = why
        self.stop.set()

    @property
    def picture(self) -> Picture | None:
        """The newest picture of the question."""
        return next(
            (turn.pictures[-1] for turn in reversed(self.prompt.turns) if turn.pictures), None
        )


async def follow(
    asked: Asked, engine: Engine, admission: AbstractContextManager
) -> AsyncIterator[Answer]:
    """The answer so far, a few times a second; an error becomes the record's sentence and ends it.

    The question is asked inside `admission`, which may refuse it.

    Leaving early, or being cancelled, ends the upstream call; what had arrived stays in the record.
    """
    stop, asked.engine = asked.stop, engine

    def wholes() -> Iterator[Chunk]:
        arriving = heard(engine, asked.model, asked.prompt, stop)
        for whole in journal.watched(engine, asked.model, arriving, stop):
            asked.heard = whole
            asked.clock.tick()
            yield whole

    try:
        with admission, closing.told(asked.cut):
            async with aclosing(latest_items(wholes, stop)) as arriving:
                async for _ in arriving:
                    yield asked.read()
    except VLMError as error:
        asked.error, asked.gone = asked.error or str(error), isinstance(error, (Gone, MissingKey))
    except Exception:  # a bug: it keeps its traceback, and the visitor a way on
        asked.error = FAULT
        raise
    finally:
        asked.read()
