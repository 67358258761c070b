"""Follows a reply for the page, and keeps its result."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace

from ui.core.shutdown import shutdown_registry
from vlm_backends import (
    NVIDIA,
    Answer,
    CancelToken,
    Engine,
    Gone,
    MissingKey,
    Picture,
    Question,
    Reply,
    Timing,
    VLMError,
)
from vlm_backends.concurrency import latest_items
from vlm_backends.reply import Observer, answer_to_dict

FAULT = (
    "This question met a fault in this program; its log says more. "
    "Try another picture, or another engine."
)
PICTURE_FIRST = "Add a picture first: drop, paste or upload one, or click a sample."


class PageReply(Reply):
    """A reply that the page follows; the visitor's token may be set before the first step.

    A visitor's stop has a token of its own: a reply is also cancelled when the visitor leaves, or
    when the page is restarted.
    """

    engine: Engine | None

    def __init__(self, question: Question, stop: CancelToken | None = None) -> None:
        super().__init__(question)
        self.stop_token = stop or CancelToken()
        self.stop_token.add_callback(self.cancel)
        self.complete = False  # it was followed to its own end
        self.failure = ""  # a sentence: why it ended early, or could not be asked

    @property
    def stopped(self) -> bool:
        """Return True once the visitor has stopped it."""
        return self.stop_token.is_set()

    @property
    def gone(self) -> bool:
        """Return True when this engine lacks the model or a key: another one may answer."""
        return isinstance(self.error, (Gone, MissingKey))

    def forget_key(self) -> None:
        """Drop the key that it was asked with: what is kept of it outlives the visit."""
        if isinstance(self.engine, NVIDIA):
            self.engine = replace(self.engine, key="")

    def stop(self) -> None:
        """End it because the visitor asked to; what has arrived stays."""
        self.stop_token.set()

    def interrupt(self, reason: str) -> None:
        """End it because the page ends, with a sentence that says why; what has arrived stays."""
        self.failure = reason
        self.cancel()


@dataclass(frozen=True)
class Result:
    """An answer as the page keeps and exports it: what was asked of whom, and what came of it."""

    question: Question
    engine: Engine
    answer: Answer
    timing: Timing = Timing()

    @classmethod
    def of(cls, reply: Reply) -> Result:
        """Return the result of a reply so far. Its engine must have been asked."""
        if reply.engine is None:
            raise RuntimeError("nobody was asked")
        return cls(reply.question, reply.engine, reply.answer, reply.timing)

    @property
    def picture(self) -> Picture | None:
        """The picture that the answer is about."""
        return self.question.picture

    def to_dict(self) -> dict:
        """Return the result as documented for the API. See `answer_to_dict`."""
        return answer_to_dict(self.question, self.engine.name, self.answer, self.timing)


async def follow(
    reply: PageReply,
    engine: Engine,
    admission: AbstractContextManager,
    observer: Observer | None = None,
) -> AsyncGenerator[Answer, None]:
    """Ask the engine inside `admission`, which may refuse; yield the answer a few times a second.

    A VLMError ends it, and is kept in `reply.failure` as its sentence. Leaving early, or being
    cancelled, ends the upstream call; what had arrived stays in the reply.
    """
    reply.engine, reply.observer = engine, observer or reply.observer
    try:
        with admission, shutdown_registry.register(reply.interrupt):
            async with aclosing(latest_items(reply.updates, reply.cancel_token)) as arriving:
                async for _ in arriving:
                    yield reply.answer
                reply.complete = True
    except VLMError as error:
        reply.error, reply.failure = error, reply.failure or str(error)
    except Exception:  # a bug: the log gets its traceback, the visitor a sentence
        reply.failure = FAULT
        raise
