"""Ask an engine and follow its reply: answer, timing, errors and JSON in one place."""

from __future__ import annotations

import inspect
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from vlm_backends.concurrency import CancelToken
from vlm_backends.endings import describe_ending
from vlm_backends.engines.base import Engine
from vlm_backends.errors import BadPrompt, VLMError
from vlm_backends.parsing import MAX_CHARACTERS, MAX_REGIONS, accumulate, parse
from vlm_backends.types import Answer, Chunk, Model, Picture, Prompt, Reader, Region, Sent, Task

# Readers wait for the rest of a mark: a line end tells them that none follows.
_MAY_BEGIN_A_MARK = "<", "["


@dataclass(frozen=True)
class Question:
    """A question to a model; with a task, the task's reader reads the answer."""

    model: Model
    prompt: Prompt
    task: Task | None = None

    @property
    def picture(self) -> Picture | None:
        """Return the newest picture of the conversation; None when it has none."""
        return self.prompt.picture

    @property
    def read(self) -> Reader:
        """Return the function that parses the reply's text."""
        return (self.task or self.model).read


class Timing(NamedTuple):
    """Seconds from the question to the first words or regions, and to the newest piece.

    `first_s` is None until a person has something to read.
    """

    first_s: float | None = None
    total_s: float = 0.0


Observer = Callable[[Engine, Model, VLMError | None], object]


class Reply(Iterator[Answer]):
    """Asks one question and holds the answer so far.

    Iterate it, once, for the answer each time more of it arrives. Or step through `updates` and
    look at `answer` only when somebody reads it: parsing costs more than adding up. `answer`,
    `timing`, `error` and `to_dict` may be read at any time, from any thread.

    `engine` may be set after construction, before the first step. `observer` is told once how the
    call went: with None at the first words (or at a silent end), or with the error that came before
    them. A call that was cancelled before its first word is not observed.
    """

    def __init__(
        self,
        question: Question,
        engine: Engine | None = None,
        *,
        cancel: CancelToken | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.question, self.engine, self.observer = question, engine, observer
        self.cancel_token = cancel or CancelToken()
        self.chunk = Chunk()  # all of the reply so far, unparsed
        self.error: VLMError | None = None  # what ended it early
        self.timing = Timing()
        self._parsed: tuple[Chunk, Answer] | None = None
        self._observed = False
        self._steps: Generator[None, None, None] | None = None

    def __iter__(self) -> Reply:
        return self

    def __next__(self) -> Answer:
        """Return the answer so far, when more of it has arrived. Raises VLMError."""
        if self._steps is None:
            # The generator must not keep the reply alive: a loop that is left early drops the
            # reply, and that ends the call.
            self._steps = type(self).updates(weakref.proxy(self))
        next(self._steps)
        return self.answer

    def updates(self) -> Generator[None, None, None]:
        """Step through the reply without parsing it; `chunk` has what arrived. Raises VLMError."""
        if self.engine is None:
            raise RuntimeError("choose an engine first")
        start = time.perf_counter()
        chunks: Iterator[Chunk] = iter(())
        try:
            model, prompt = self.question.model, self.question.prompt
            _check_taken(self.engine, model, prompt)
            chunks = self.engine.stream(model, prompt, self.cancel_token)
            for piece in chunks:
                self.chunk = accumulate(self.chunk, piece)
                self._update_timing(time.perf_counter() - start)
                yield
                if len(self.chunk.text) > MAX_CHARACTERS or len(self.chunk.regions) > MAX_REGIONS:
                    break
        except VLMError as error:
            self.error = error
            self._observe(error)
            raise
        finally:
            _close(chunks)
        self._observe(None)  # an empty reply is an answer too
        if self._waits_for_a_mark():
            self.chunk = self.chunk._replace(text=self.chunk.text + "\n")
            yield
        if remark := self._remark_on_silence():
            self.chunk = self.chunk._replace(note=f"{self.chunk.note} {remark}".strip())
            yield

    def _waits_for_a_mark(self) -> bool:
        """Return True when a reader still leaves out the reply's last character."""
        is_read = not (self.chunk.literal or self.cancelled)
        return is_read and self.chunk.text.endswith(_MAY_BEGIN_A_MARK)

    def _remark_on_silence(self) -> str:
        """Say that a reply has ended without words; empty when something says that already."""
        chunk, answer = self.chunk, self.answer
        usual = " ".join(filter(None, (chunk.note, self.question.prompt.picture_note)))
        explained = chunk.literal or chunk.finish or answer.note != usual
        remark = describe_ending(answer)
        return "" if explained or self.cancelled or remark in chunk.note else remark

    @property
    def answer(self) -> Answer:
        """The answer so far: parsed when it is looked at, once for each state of the reply."""
        chunk, parsed = self.chunk, self._parsed
        if parsed is None or parsed[0] is not chunk:
            read, note = self.question.read, self.question.prompt.picture_note
            parsed = self._parsed = chunk, parse(chunk, read, note)
        return parsed[1]

    def cancel(self) -> None:
        """End the call; what has arrived stays."""
        self.cancel_token.set()

    @property
    def cancelled(self) -> bool:
        """Return True once `cancel` was called, here or on the token."""
        return self.cancel_token.is_set()

    def close(self) -> None:
        """End the call and let go of its connection; no step follows.

        While another thread is in a step, that step is cancelled instead.
        """
        self._steps = self._steps or self.updates()
        if inspect.getgeneratorstate(self._steps) == inspect.GEN_RUNNING:
            self.cancel()
        else:
            self._steps.close()

    def to_dict(self) -> dict:
        """Return the reply as documented for the API. See `answer_to_dict`."""
        if self.engine is None:
            raise RuntimeError("the question was not sent to an engine")
        return answer_to_dict(self.question, self.engine.name, self.answer, self.timing)

    def _update_timing(self, seconds: float) -> None:
        first = self.timing.first_s
        if first is None and (self.chunk.text or self.chunk.regions):
            self._observe(None)
            # A reasoning model's thoughts are in the chunk, but not in the answer.
            if self.answer.text or self.answer.regions:
                first = seconds
        self.timing = Timing(first, seconds)

    def _observe(self, error: VLMError | None) -> None:
        has_begun = bool(self.chunk.text or self.chunk.regions or self.chunk.thought)
        if self._observed or (self.cancelled and not has_begun):
            return
        self._observed = True
        if self.observer and self.engine:
            self.observer(self.engine, self.question.model, error)


def _check_taken(engine: Engine, model: Model, prompt: Prompt) -> None:
    """Refuse a prompt of which the engine would leave out a part. Raises BadPrompt."""
    takes_system = engine.traits.takes_system and model.converses
    for name, given, taken in (
        ("system prompt", prompt.system, takes_system),
        ("JSON schema", prompt.schema, engine.traits.takes_schema),
    ):
        if given and not taken:
            raise BadPrompt(
                f"{model.title} takes no {name} from “{engine.name}”. Leave it empty under "
                "Settings, or choose another engine."
            )


def _close(chunks: Iterator[Chunk]) -> None:
    """End a call at once, rather than when its generator is garbage-collected."""
    if isinstance(chunks, Generator):
        chunks.close()


def answer_to_dict(
    question: Question, engine: str, answer: Answer, timing: Timing | None = None
) -> dict:
    """Return an answer as the JSON that the API documents.

    Coordinates are in 0..1 from the top left corner, rounded to a hundred-thousandth of the
    picture; seconds to a thousandth. Keys: engine, model, task, text, regions, rows, note, thought,
    finish, sent, time.
    """
    timing = timing or Timing()
    return {
        "engine": engine,
        "model": question.model.id,
        "task": question.task.token if question.task else None,
        "text": answer.text,
        "regions": [region_to_dict(region) for region in answer.regions],
        "rows": [list(row) for row in answer.rows],
        "note": answer.note,
        "thought": answer.thought,
        "finish": answer.finish,
        "sent": answer.sent and _sent_to_dict(answer.sent),
        "time": {
            "first_s": None if timing.first_s is None else round(timing.first_s, 3),
            "total_s": round(timing.total_s, 3),
        },
    }


def region_to_dict(region: Region) -> dict:
    """Return a region as the API documents it: label, outline in 0..1, solid, span.

    Where the engine says how sure it is of the region, `score` has it, in 0..1.
    """
    fields = {
        "label": region.label,
        "outline": [[round(x, 5), round(y, 5)] for x, y in region.outline],
        "solid": region.is_mask,
        "span": region.span and list(region.span),
    }
    return fields if region.score is None else fields | {"score": round(region.score, 3)}


def _sent_to_dict(sent: Sent) -> dict:
    fields = asdict(sent)
    return {"as": fields.pop("way")} | fields
