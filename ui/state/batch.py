"""Holds a batch on the server, and shows it on the page: progress and thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from html import escape
from math import ceil
from pathlib import Path
from urllib.parse import quote

from ui.core.storage import new_file, picture_path
from ui.state.phase import Phased
from vlm_backends import (
    CancelToken,
    Engine,
    Model,
    Picture,
    Prompt,
    Question,
    Task,
    Turn,
    VLMError,
    draw,
)
from vlm_backends.annotate.archive import write_archive
from vlm_backends.annotate.runner import PictureSource, Record, annotate, rate_limit_for
from vlm_backends.annotate.sources import Source
from vlm_backends.endings import describe_ending, has_content
from vlm_backends.media import images
from vlm_backends.ratelimit import SlidingWindow
from vlm_backends.reply import Observer, answer_to_dict
from vlm_backends.text import one_line

_TICK_S = 0.5  # between two looks at a batch
_THUMBNAIL = 360  # px, its longer side
_MOST_WORDS = 160  # characters of an answer under its thumbnail
_EMPTY = "The pictures are shown here, each with its result. Drop some, or try the samples."

WaitForTurn = Callable[[CancelToken], object]  # waits until this visitor may ask the next question


@dataclass(frozen=True)
class BatchQuestion:
    """The question of a batch, the same for each picture."""

    model: Model
    task: Task | None
    text: str

    def prompt(self, picture: Picture) -> Prompt:
        """Return the question about this picture."""
        return Prompt((Turn("user", self.text, (picture,)),))


@dataclass(frozen=True)
class DrawnFiles:
    """The files of a picture with its regions drawn."""

    thumbnail: Path
    full: Path


@dataclass
class Batch(Phased):
    """One visitor's batch, held by the server; `stop_token` is set to end it."""

    question: BatchQuestion | None = None
    sources: tuple[Source, ...] = ()
    records: dict[PictureSource, Record] = field(
        default_factory=dict
    )  # without the pictures' bytes
    drawn: dict[PictureSource, DrawnFiles] = field(default_factory=dict)
    asking: set[PictureSource] = field(default_factory=set)  # whose question was sent
    error: str = ""  # why nothing could be asked
    window: SlidingWindow | None = None  # the rate limit of the engine that answers

    def begin(self, question: BatchQuestion, sources: tuple[Source, ...]) -> int:
        """Take a batch; return how many answers to the same question are kept.

        When all of them are there already, everything is asked again.
        """
        kept: dict[PictureSource, Record] = {}
        if question == self.question:
            kept = {source: self.records[source] for source in sources if self.done(source)}
        self.records = kept if len(kept) < len(sources) else {}
        self.question, self.sources, self.asking = question, sources, set()
        self.window, self.error = None, ""
        self.enqueue()
        return len(self.records)

    def interrupt(self, reason: str) -> None:
        """End it because the page ends, with a sentence that says why."""
        self.error = reason
        self.stop()

    def done(self, source: Source) -> bool:
        """Return True when the picture has its answer."""
        return source in self.records and not self.records[source].error

    def left(self) -> list[Source]:
        """Return the pictures that failed, or were not asked about."""
        return [source for source in self.sources if not self.done(source)]

    def run(
        self, engine: Engine, wait_for_turn: WaitForTurn, observer: Observer | None = None
    ) -> Iterator[None]:
        """Ask about all pictures that are left, in threads; yield twice a second until the end."""
        with ThreadPoolExecutor(1, "batch") as pool:
            work = pool.submit(self._ask, engine, wait_for_turn, observer)
            while not work.done():
                yield
                wait({work}, timeout=_TICK_S)
            work.result()
        yield

    def pack(self) -> Path:
        """Write a zip of all that is known; return its path."""
        path = new_file("results.zip")
        known = [self.records[source] for source in self.sources if source in self.records]
        write_archive(path, known, self._drawn_file, self._to_dict)
        return path

    def _ask(self, engine: Engine, wait_for_turn: WaitForTurn, observer: Observer | None) -> None:
        question, stop = self.question, self.stop_token
        if question is None or stop is None:
            raise RuntimeError("begin a batch first")
        self.window, parallel = rate_limit_for(engine)

        def prompt_for(picture: Picture) -> Prompt:
            wait_for_turn(stop)
            return question.prompt(picture)

        for record in annotate(
            engine,
            question.model,
            prompt_for,
            question.task,
            self.left(),
            stop,
            self.window,
            parallel,
            self.asking.add,
            observer,
        ):
            self._keep(record)

    def _keep(self, record: Record) -> None:
        if drawn := _drawn(record):
            self.drawn[record.source] = drawn
        self.records[record.source] = record.without_image()
        self.asking.discard(record.source)

    def _drawn_file(self, record: Record) -> Path | None:
        drawn = self.drawn.get(record.source)
        # The page deletes old files.
        return drawn.full if drawn and drawn.full.exists() else None

    def _to_dict(self, record: Record) -> dict:
        if self.question is None:
            raise RuntimeError("begin a batch first")
        asked = Question(self.question.model, Prompt(()), self.question.task)
        return answer_to_dict(asked, record.engine.name, record.answer, record.timing)


def _drawn(record: Record) -> DrawnFiles | None:
    """Draw the record's picture as files of its own format; None when it cannot be decoded."""
    if record.picture is None:
        return None
    try:
        canvas = draw(images.pixels(record.picture), record.answer.regions)
    except VLMError:
        return None
    full = picture_path(images.export(canvas, record.picture.mime))
    canvas.thumbnail((_THUMBNAIL, _THUMBNAIL))
    return DrawnFiles(Path(picture_path(images.export(canvas, "image/jpeg"))), Path(full))


def progress(batch: Batch) -> str:
    """Say as HTML how far the batch is.

    A screen reader does not read the seconds to the next question, which change all the time.
    """
    total, left = len(batch.sources), batch.left()
    failed = sum(source in batch.records for source in left)
    unasked = len(left) - failed
    counts = [f"{total - len(left)} of {total} done"] if total else []
    counts += [f"{failed} failed"] if failed else []
    if batch.active and batch.stopped:
        counts.append("stopping")
    elif unasked and not batch.active:
        counts.append(f"{unasked} not asked")
    bar = (
        f'<progress max="{total}" value="{total - unasked}" aria-label="Pictures"></progress>'
        if total
        else ""
    )
    line = f"{', '.join(counts)}{_countdown(batch, unasked)}"
    return f'<p role="status" aria-live="polite">{line}</p>{bar}'


def _countdown(batch: Batch, unasked: int) -> str:
    """Say when the next question is sent, if one has to wait."""
    if not batch.active or batch.window is None or unasked <= len(batch.asking):
        return ""
    seconds = ceil(batch.window.retry_after())
    return f'<span aria-hidden="true">, next in {seconds} s</span>' if seconds else ""


def grid(batch: Batch) -> str:
    """Return a tile for each picture as HTML; file names and answers are escaped."""
    if not batch.sources:
        return f'<p class="batch-hint">{_EMPTY}</p>'
    tiles = "".join(_tile(batch, source) for source in batch.sources)
    return f'<ul class="batch-grid">{tiles}</ul>'


def _tile(batch: Batch, source: Source) -> str:
    record, drawn = batch.records.get(source), batch.drawn.get(source)
    state, words = _state(batch, source, record)
    name, picture = escape(source.name), '<div class="batch-blank"></div>'
    if record and drawn:
        count = len(record.answer.regions)
        alt = f"{name}, with {count} region{'s' * (count != 1)}" if count else name
        link = f'href="{_url(drawn.full)}" target="_blank" rel="noopener"'
        picture = f'<a {link}><img src="{_url(drawn.thumbnail)}" alt="{alt}"></a>'
    text = f"<p>{escape(words)}</p>" if words else ""
    return f'<li class="{state}">{picture}<strong>{name}</strong><em>{state}</em>{text}</li>'


def _state(batch: Batch, source: Source, record: Record | None) -> tuple[str, str]:
    """Return waiting, asking, done, failed or not asked, and the words that tell more."""
    if record is None:
        if not batch.active:
            return "not asked", ""
        return ("asking" if source in batch.asking else "waiting"), ""
    if record.error:
        return "failed", record.error
    answer, text = record.answer, one_line(record.answer.text, _MOST_WORDS)
    ending = describe_ending(answer) if answer.finish or answer.thought else ""
    if not has_content(answer) and not ending:
        return "done", "Nothing was found."
    return "done", " ".join(filter(None, (text, ending)))


def _url(path: Path) -> str:
    """Return where the page serves a file, relative to the page itself."""
    return f"gradio_api/file={quote(path.as_posix())}"
