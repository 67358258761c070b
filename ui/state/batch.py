"""A batch as the server holds it, and what the page shows of it: how far it is, and a thumbnail a picture."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from html import escape
from math import ceil
from pathlib import Path
from urllib.parse import quote

from ui.core.storage import new_file
from ui.state.question import Asked, Clock
from ui.state.rendering import as_json, keep
from vlm_backends import CancelToken, Engine, Model, Picture, Prompt, Task, Turn, VLMError, draw
from vlm_backends.annotate.runner import Record, annotate, archive, rate_limit_for
from vlm_backends.annotate.sources import Source
from vlm_backends.media import images
from vlm_backends.ratelimit import SlidingWindow

_BEAT = 0.5  # seconds between two looks at a batch
_SIDE = 360  # px of a thumbnail
_WORDS = 160  # characters of an answer under its thumbnail
_EMPTY = "The pictures stand here, each with its result. Drop some, or try the samples."


@dataclass(frozen=True)
class Job:
    """What is asked about each picture."""

    model: Model
    task: Task | None
    text: str

    def prompt(self, picture: Picture) -> Prompt:
        """The question about this picture."""
        return Prompt((Turn("user", self.text, (picture,)),))


@dataclass(frozen=True)
class Shown:
    """The files of a picture with its regions: a thumbnail, and the whole."""

    small: Path
    large: Path


@dataclass
class Batch:
    """One visitor's batch, held by the server."""

    job: Job | None = None
    sources: tuple[Source, ...] = ()
    records: dict[Source, Record] = field(default_factory=dict)  # light ones
    shown: dict[Source, Shown] = field(default_factory=dict)
    asking: set[Source] = field(default_factory=set)  # whose question went out
    waiting: bool = False
    fresh: bool = False  # not begun yet
    over: bool = False  # ended, and not shown yet
    error: str = ""  # why nothing could be asked
    stop: CancelToken | None = None
    window: SlidingWindow | None = None

    def begin(self, job: Job, sources: tuple[Source, ...]) -> int:
        """A batch is taken; how many answers to the same question are kept: none when all are there already."""
        kept = (
            {source: self.records[source] for source in sources if self.done(source)}
            if job == self.job
            else {}
        )
        self.records = kept if len(kept) < len(sources) else {}
        self.job, self.sources, self.asking, self.stop, self.window = (
            job,
            sources,
            set(),
            CancelToken(),
            None,
        )
        self.waiting, self.fresh, self.over, self.error = True, True, False, ""
        return len(self.records)

    def cut(self, why: str) -> None:
        """The page ends it, and says why."""
        self.error = why
        self.stop.set()

    def done(self, source: Source) -> bool:
        """True when the picture has its answer."""
        return source in self.records and not self.records[source].error

    def left(self) -> list[Source]:
        """The pictures that failed, or were not asked about."""
        return [source for source in self.sources if not self.done(source)]

    def beats(self, engine: Engine, turn: Callable[[CancelToken], None]) -> Iterator[None]:
        """Asks about all that is left, each at its turn, in threads of its own; ticks until that is over."""
        with ThreadPoolExecutor(1, "batch") as pool:
            work = pool.submit(self._work, engine, turn)
            while not work.done():
                yield
                wait({work}, timeout=_BEAT)
            work.result()
        yield

    def _work(self, engine: Engine, turn: Callable[[CancelToken], None]) -> None:
        job, (self.window, parallel) = self.job, rate_limit_for(engine)

        def question(picture: Picture) -> Prompt:
            turn(self.stop)
            return job.prompt(picture)

        for record in annotate(
            engine,
            job.model,
            question,
            job.task,
            self.left(),
            self.stop,
            self.window,
            parallel,
            self.asking.add,
        ):
            if shown := _drawn(record):
                self.shown[record.source] = shown
            self.records[record.source] = record.light()
            self.asking.discard(record.source)

    def pack(self) -> Path:
        """A zip of all that is known."""
        path = new_file("results.zip")
        known = [self.records[source] for source in self.sources if source in self.records]
        archive(path, known, self._large, self._json)
        return path

    def _large(self, record: Record) -> Path | None:
        shown = self.shown.get(record.source)
        return (
            shown.large if shown and shown.large.exists() else None
        )  # the page deletes what is old

    def _json(self, record: Record) -> dict:
        asked = Asked(
            self.job.model, Prompt(()), self.job.task, record.engine, answer=record.answer
        )
        return as_json(replace(asked, clock=Clock(0.0, record.first_s, record.total_s)))


def _drawn(record: Record) -> Shown | None:
    """The files of the record's picture, of the kind that it came in; None when there is no picture to be seen."""
    if record.picture is None:
        return None
    try:
        canvas = draw(images.pixels(record.picture), record.answer.regions)
    except VLMError:
        return None
    large = keep(images.export(canvas, record.picture.mime))
    canvas.thumbnail((_SIDE, _SIDE))
    return Shown(Path(keep(images.export(canvas, "image/jpeg"))), Path(large))


def progress(batch: Batch) -> str:
    """How far the batch is, as HTML; the seconds to the next question are seen, and not read aloud."""
    total, left = len(batch.sources), batch.left()
    failed = sum(source in batch.records for source in left)
    parts = [f"{total - len(left)} of {total} done"] if total else []
    parts += [f"{failed} failed"] if failed else []
    running, unasked = batch.waiting and not batch.over, len(left) - failed
    if running and batch.stop.is_set():
        parts.append("stopping")
    elif unasked and not running:
        parts.append(f"{unasked} not asked")
    seconds = (
        ceil(batch.window.retry_after()) if running and batch.window and unasked > len(batch.asking) else 0
    )
    queue = f'<span aria-hidden="true">, next in {seconds} s</span>' if seconds else ""
    bar = (
        f'<progress max="{total}" value="{total - unasked}" aria-label="Pictures"></progress>'
        if total
        else ""
    )
    return f'<p role="status" aria-live="polite">{", ".join(parts)}{queue}</p>{bar}'


def grid(batch: Batch) -> str:
    """A tile for each picture, as HTML in which strangers' words are words."""
    if not batch.sources:
        return f'<p class="batch-hint">{_EMPTY}</p>'
    return (
        f'<ul class="batch-grid">{"".join(_tile(batch, source) for source in batch.sources)}</ul>'
    )


def _tile(batch: Batch, source: Source) -> str:
    record, shown = batch.records.get(source), batch.shown.get(source)
    state, words = _state(batch, source, record)
    name, picture = escape(source.name), '<div class="batch-blank"></div>'
    if record and shown:
        count = len(record.answer.regions)
        alt = f"{name}, with {count} region{'s' * (count != 1)}" if count else name
        link = f'href="{_address(shown.large)}" target="_blank" rel="noopener"'
        picture = f'<a {link}><img src="{_address(shown.small)}" alt="{alt}"></a>'
    said = f"<p>{escape(words)}</p>" if words else ""
    return f'<li class="{state}">{picture}<strong>{name}</strong><em>{state}</em>{said}</li>'


def _state(batch: Batch, source: Source, record: Record | None) -> tuple[str, str]:
    """Waiting, asking, done or failed, and the words that tell more."""
    if record is None:
        running = batch.waiting and not batch.over
        return (
            "asking"
            if running and source in batch.asking
            else "waiting"
            if running
            else "not asked",
            "",
        )
    if record.error:
        return "failed", record.error
    text = " ".join(record.answer.text.split())
    if not text:
        return "done", "" if record.answer.regions else "Nothing was found."
    return "done", text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"


def _address(path: Path) -> str:
    """Where the page serves a file, seen from the page itself."""
    return f"gradio_api/file={quote(path.as_posix())}"
