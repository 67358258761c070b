"""One question about many pictures: asked at a pace, each answered or refused with a sentence, all of it kept as a zip.

Nothing here knows of a page: a script or a command line asks in the same way.
"""

import hashlib
import json
import logging
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from vlm_backends import NVIDIA, OpenAI
from vlm_backends.annotate.sources import Source
from vlm_backends.concurrency import CancelToken
from vlm_backends.engines.base import Engine
from vlm_backends.errors import Gone, MissingKey, Refused, VLMError
from vlm_backends.journal import journal
from vlm_backends.media.exports import FORMATS, as_coco
from vlm_backends.ratelimit import SlidingWindow
from vlm_backends.reply import heard, understood
from vlm_backends.types import Answer, Chunk, Model, Picture, Prompt, Task

_AT_ONCE = 4  # pictures that a host or a server is asked about at one time
_TRIES = 6  # a picture that was refused so often for coming too fast has failed
_MOST_WAIT = 600.0  # seconds: who asks for a longer pause has said no for this batch
_FOR_ALL = 401, 402, 403  # what is refused with these is refused for every picture
_FAULT = (
    "This picture met a fault in this program; its log says more. Try it alone, or use another one."
)
_COLUMNS = "file", "state", "text", "regions", "engine", "seconds", "error"
_log = logging.getLogger(__name__)


def rate_limit_for(engine: Engine) -> tuple[SlidingWindow, int]:
    """How a batch may ask this engine: the pace, one for all who use the same key, and how many at a time."""
    if isinstance(engine, NVIDIA):
        return _shared(engine.base_url, hashlib.sha256(engine.key.encode()).hexdigest()), _AT_ONCE
    return SlidingWindow(None), _AT_ONCE if isinstance(engine, OpenAI) else 1


@lru_cache(maxsize=256)
def _shared(base_url: str, digest: str) -> SlidingWindow:
    """The pace of one key, known by its digest: the key itself is not held for longer than its visit."""
    return SlidingWindow()


@dataclass(frozen=True)
class Record:
    """What came of one picture. With an error it has failed, though some words may have arrived before."""

    source: Source
    engine: Engine
    picture: Picture | None = None  # None: the file is no picture
    answer: Answer = Answer("")
    error: str = ""  # a sentence
    first_s: float | None = None  # seconds from the question to the first words
    total_s: float = 0.0  # and to the last

    def light(self) -> "Record":
        """The same without the bytes of the picture, to be kept."""
        return replace(self, picture=self.picture and replace(self.picture, source=b""))


def annotate(
    engine: Engine,
    model: Model,
    question: Callable[[Picture], Prompt],
    task: Task | None,
    pictures: Iterable[Source],
    stop: CancelToken,
    window: SlidingWindow,
    parallel: int = 1,
    asking: Callable[[Source], object] = lambda source: None,
) -> Iterator[Record]:
    """Exactly one record a picture, as they finish, whatever fails; what a stop leaves unanswered has none.

    `asking` is told of each picture when its question goes out, by the thread that asks. A refusal for coming too fast
    is waited out; one that holds for all pictures is not asked for again. Leaving the iterator early ends all calls.
    """
    ended, waiting, running = CancelToken(), iter(pictures), set()
    forget = stop.add_callback(ended.set)
    desk = Desk(engine, model, question, task, window, ended, asking)
    with ThreadPoolExecutor(parallel, "batch") as pool:
        try:
            while True:
                free = 0 if ended.is_set() else parallel - len(running)
                running |= {pool.submit(desk.record, source) for source in islice(waiting, free)}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from filter(None, (future.result() for future in done))
        finally:
            forget()
            ended.set()


@dataclass
class Desk:
    """Where one picture after the other is asked about, by several threads."""

    engine: Engine
    model: Model
    question: Callable[[Picture], Prompt]
    task: Task | None
    window: SlidingWindow
    stop: CancelToken
    asking: Callable[[Source], object] = lambda source: None
    refusal: str = ""  # it holds for every picture

    def record(self, source: Source) -> Record | None:
        """The picture's record, whatever fails; None when the stop came first."""
        record = Record(source, self.engine, error=self.refusal)
        if self.stop.is_set() or self.refusal:
            return None if self.stop.is_set() else record
        try:
            return self._answered(replace(record, picture=source.read()))
        except VLMError as error:
            return replace(record, error=str(error))
        except Exception:
            _log.exception("a picture of a batch failed")
            return replace(record, error=_FAULT)

    def _answered(self, unasked: Record) -> Record | None:
        prompt, tries = self.question(unasked.picture), 0
        while self.window.turn(self.stop):
            self.asking(unasked.source)
            record, error, whole, tries, start = (
                unasked,
                None,
                Chunk(),
                tries + 1,
                time.perf_counter(),
            )
            try:
                arriving = heard(self.engine, self.model, prompt, self.stop)
                for whole in journal.watched(self.engine, self.model, arriving, self.stop):
                    record = _timed(record, whole, time.perf_counter() - start)
            except VLMError as failure:
                error = failure
            if self.stop.is_set():
                return None
            record = replace(record, answer=understood(whole, (self.task or self.model).read))
            if error is None:
                return record
            if not self._later(error, tries):
                return replace(record, error=str(error))
        return None

    def _later(self, error: VLMError, tries: int) -> bool:
        """True when the picture came too fast and gets another turn; everyone waits meanwhile, longer each time."""
        status = error.status if isinstance(error, Refused) else 0
        too_long = status == 429 and (error.retry_after or 0.0) > _MOST_WAIT
        if isinstance(error, (Gone, MissingKey)) or status in _FOR_ALL or too_long:
            self.refusal = str(error)
        if status != 429 or tries >= _TRIES or too_long:
            return False
        self.window.hold(max(error.retry_after or 0.0, self.window.seconds * min(1.0, 2 ** (tries - 3))))
        return True


def _timed(record: Record, whole: Chunk, seconds: float) -> Record:
    """The record when so much of the reply has arrived, after that many seconds."""
    said = record.first_s is None and (whole.text or whole.regions)
    return replace(record, first_s=seconds if said else record.first_s, total_s=seconds)


def archive(
    target: BinaryIO | Path,
    records: Sequence[Record],
    shown: Callable[[Record], Path | None],
    details: Callable[[Record], dict],
) -> None:
    """Writes a zip of annotated/ (pictures), json/ (answers), tables/ (where there are any), coco.json and results.csv.

    `shown` gives the file of a picture with its regions, `details` what its JSON holds. Records may be light ones;
    failed ones have their line in results.csv only.
    """
    done = [record for record in records if not record.error]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for record in done:
            stem, picture = Path(record.source.name).stem, shown(record)
            if picture:
                bundle.write(picture, f"annotated/{stem}{picture.suffix}", zipfile.ZIP_STORED)
            bundle.writestr(f"json/{stem}.json", _json(details(record)))
            if record.answer.rows:
                bundle.writestr(
                    f"tables/{stem}.csv", FORMATS["CSV"].write(record.picture, record.answer)
                )
        entries = [(record.source.name, record.picture, record.answer.regions) for record in done]
        bundle.writestr("coco.json", _json(as_coco(entries)))
        lines = Answer("", rows=(_COLUMNS, *map(_line, records)))
        bundle.writestr("results.csv", FORMATS["CSV"].write(None, lines))


def _line(record: Record) -> tuple[str, ...]:
    answer, state = record.answer, "failed" if record.error else "done"
    found, took = str(len(answer.regions)), f"{record.total_s:.2f}"
    return record.source.name, state, answer.text, found, record.engine.name, took, record.error


def _json(value: dict) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode(errors="replace")
