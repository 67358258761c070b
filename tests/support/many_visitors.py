"""Simulates a crowd: `python -m tests.support.many_visitors ADDRESS ENGINE` prints the outcomes of its questions as JSON.

Each asks with tokens of its own, so that an answer to another one is seen. They come by the page's own chains of events
and by its API; one in twenty leaves in mid-stream and comes back as another visitor, one in twenty presses stop.
"""

import argparse
import asyncio
import io
import json
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image, ImageDraw, ImageFont

from tests.support.fast_wire import TOKEN, said, size
from tests.support.gradio_wire import Page, Session, asked, opened, whole
from vlm_backends.types import CONFIDENCE

LLAMA = "meta/llama-3.2-11b-vision-instruct"
GROUND, READ, OUTLINE = (
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "<OCR_WITH_REGION>",
    "<REGION_TO_SEGMENTATION>",
)
_NUMBER = re.compile(r"\b[2-9]{8}\b")
_WAYS = {3: "leave", 6: "stop"}  # of twenty questions
_LONGEST = 240  # seconds that a visitor waits for an answer


class Broken(Exception):
    """An answer that is wrong or incomplete; its message says how."""


@dataclass
class Crowd:
    """The state that all visitors share, and the counts of how their questions ended."""

    page: Page
    photos: list[bytes]
    think: float  # seconds between two questions of one visitor, about
    until: float
    issued: set[str] = field(default_factory=set)
    figures: Counter = field(
        default_factory=lambda: Counter(
            asked=0, right=0, left=0, stopped=0, lost=0, leaked=0, visits=0
        )
    )
    firsts: list[float] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(
        default_factory=list
    )  # when each answered question was asked, and answered
    faults: Counter = field(default_factory=Counter)

    async def come_and_go(self, kinds: list[type]) -> None:
        """Visit the page again and again, each time as another visitor."""
        await asyncio.sleep(random.random() * self.think)
        while time.monotonic() < self.until:
            self.figures["visits"] += 1
            await random.choice(kinds)(self).visit()

    def to_dict(self) -> dict:
        """Return the figures, ready for JSON."""
        firsts = sorted(self.firsts)
        p95 = firsts[int(len(firsts) * 0.95)] if firsts else 0
        return {
            **self.figures,
            "first_p95": p95,
            "overtaken": self._overtaken(),
            "faults": self.faults.most_common(8),
        }

    def _overtaken(self) -> int:
        """Return the largest number of later questions that were answered before an earlier one."""
        return max(
            (
                sum(begun < other and ended > sooner for other, sooner in self.spans)
                for begun, ended in self.spans
            ),
            default=0,
        )


class Visit:
    """One visitor, from the opened page to the last question."""

    token_of = staticmethod(lambda: f"tok{uuid4().hex[:12]}")
    tokens_in = TOKEN

    def __init__(self, crowd: Crowd) -> None:
        self.crowd, self.page = crowd, crowd.page
        self.tokens: set[str] = set()
        self.session = Session(crowd.page, self.check_line)

    def check_line(self, line: bytes) -> None:
        """Check that a line of the page for this visitor holds no token of another one."""
        others = (
            self.crowd.issued.intersection(self.tokens_in.findall(line.decode(errors="replace")))
            - self.tokens
        )
        self.crowd.figures["leaked"] += bool(others)

    async def visit(self) -> None:
        """Open the page, and ask questions until the end, or until this visitor leaves."""
        try:
            async with asked(self.page.url, "GET", "/") as answer:
                await whole(*answer)
            async with self.session.alive():
                while time.monotonic() < self.crowd.until and await self._counted():
                    await asyncio.sleep(self.crowd.think * random.uniform(0.5, 1.5))
        except (OSError, EOFError) as error:
            self._lost(error)

    async def _counted(self) -> bool:
        """Ask one question and count how it ended; return False when the visitor has left."""
        token, way = self.token_of(), _WAYS.get(self.crowd.figures["asked"] % 20, "stay")
        self.tokens.add(token)
        self.crowd.issued.add(token)
        self.crowd.figures["asked"] += 1
        try:
            self.crowd.figures[await asyncio.wait_for(self.ask(token, way), _LONGEST)] += 1
        except (Broken, OSError, EOFError, asyncio.TimeoutError) as error:
            self._lost(error)
        return way != "leave"

    def _lost(self, error: Exception) -> None:
        self.crowd.figures["lost"] += 1
        self.crowd.faults[f"{type(self).__name__}: {type(error).__name__} {error}"[:300]] += 1

    async def ask(self, token: str, way: str) -> str:
        """Ask a question; return how it ended: right, left or stopped. Raises Broken."""
        raise NotImplementedError

    async def stream(self, event: dict, way: str, *data: Any, token: str = "") -> dict:
        """Return the last message of a streamed event; leave or stop, if `way` says so, after the first words."""
        begun, first, end = time.monotonic(), False, {}
        async with aclosing(self.session.join(event, *data)) as messages:
            async for message in messages:
                if (
                    not first
                    and message["msg"] == "process_generating"
                    and token in json.dumps(message["output"])
                ):
                    first = True
                    self.crowd.firsts.append(time.monotonic() - begun)
                    if way == "leave":
                        return {}
                    if way == "stop":
                        await self.stop()
                if message["msg"] == "process_completed":
                    end = message
        if not end:
            raise Broken("no end")
        self.crowd.spans.append((begun, time.monotonic()))
        if not end["success"]:
            raise Broken(f"{end['output']}")
        return end

    async def stop(self) -> None:
        """Press the stop button, where there is one."""

    @asynccontextmanager
    async def photo(self) -> AsyncIterator[tuple[dict, str]]:
        """Upload a photograph; yield the file and its size."""
        picture = random.choice(self.crowd.photos)
        yield await self.session.upload("photo.jpg", picture), "{}x{}".format(*size(picture))


class Chat(Visit):
    """Talks in the first chat tab, as the page's script does."""

    async def ask(self, token: str, way: str) -> str:
        """Ask a question about a photograph of its own."""
        submit = self.page.event("submit", "multimodaltextbox")
        stream = self.page.after(submit)
        async with self.photo() as (file, _):
            _, _, _, notice, *_ = await self.session.run(
                submit, None, {"text": f"Say {token}", "files": [file]}
            )
        if notice:
            raise Broken(notice)
        await self.stream(stream, way, *self.page.values(stream), token=token)
        if way == "leave":
            return "left"
        shown, *_ = await self.session.run(self.page.after(stream), None, None)
        return _judged(json.dumps(shown), token, way)

    async def stop(self) -> None:
        await self.session.run(self.page.event("stop", "multimodaltextbox"), None)


class Script(Visit):
    """Calls the endpoint for scripts."""

    async def ask(self, token: str, way: str) -> str:
        """Call the endpoint; a script has no stop button: it stays or it leaves."""
        async with self.photo() as (file, _):
            chat = self.page.named("chat")
            message = await self.stream(
                chat, way, LLAMA, f"Say {token}", file, None, None, None, None, token=token
            )
        return "left" if way == "leave" else _judged(message["output"]["data"][0], token, "stay")


class TaskVisit(Visit):
    """Runs tasks, as the page's script does."""

    chosen = ""
    looks = False  # waits for what the page offers about a picture, before it asks

    @property
    def picked(self) -> dict:
        """The event of a picture that is given."""
        return self.page.event("picked", elem_id="result")

    async def look(self) -> None:
        """Wait for what can be done with the picture. Raises Broken."""
        async with aclosing(self.session.join(self.page.after(self.picked))) as messages:
            ends = [each async for each in messages if each["msg"] == "process_completed"]
        if not ends or not ends[0]["success"]:
            raise Broken(f"no offers: {ends}")

    async def choose(self, task: str) -> None:
        """Choose the task, unless it is chosen already."""
        if task != self.chosen:
            chosen = self.page.event("choose", elem_id="tasks")
            await self.session.run(chosen, event_data={"token": task})
            self.chosen = task

    async def answered(
        self, file: dict, way: str, words: str = "", region: tuple = ()
    ) -> str | None:
        """Return all that is shown of a run's answer; None when the visitor left."""
        await self.session.run(self.picked, event_data={"paths": [file["path"]]})
        if self.looks:
            await self.look()
        go = self.page.event("click", elem_id="run-task")
        stream = self.page.after(go)
        _, notice, *_ = await self.session.run(go, None, None, words, CONFIDENCE, *region)
        if notice:
            raise Broken(notice)
        await self.stream(stream, way, None, None)
        if way == "leave":
            return None
        return json.dumps(
            await self.session.run(self.page.after(stream), None, None), ensure_ascii=False
        )

    async def stop(self) -> None:
        await self.session.run(self.page.event("click", elem_id="stop-task"), None)


class Florence(TaskVisit):
    """Has words found in a photograph, which is an asset of NVIDIA's meanwhile."""

    async def ask(self, token: str, way: str) -> str:
        """Ask; the right answer holds the words, and the size of the picture that the service was given."""
        await self.choose(GROUND)
        async with self.photo() as (file, size):
            found = await self.answered(file, "stay" if way == "stop" else way, token)
        if found is not None and f"{token} {size}" not in found:
            raise Broken(f"not the words, or not the picture, that were given: {found[:200]}")
        return "left" if found is None else "right"


class Reader(TaskVisit):
    """Has a number read that is printed in its picture, or a thing outlined in a picture of a size of its own."""

    token_of = staticmethod(lambda: "".join(random.choices("23456789", k=8)))
    tokens_in = _NUMBER
    looks = True

    async def ask(self, token: str, way: str) -> str:
        """Have two of three pictures read, and one outlined."""
        outline = random.random() < 1 / 3
        await self.choose(OUTLINE if outline else READ)
        width = random.randrange(700, 1000)
        picture = disc(width) if outline else printed(token, width)
        file = await self.session.upload("page.jpg", picture)
        region = ("0.1", "0.2", "0.9", "0.8") if outline else ()
        found = await self.answered(file, way, region=region)
        if way != "stay":
            return "left" if way == "leave" else "stopped"
        if (
            not re.search(rf'"width": {width}\b', found)
            or (outline and '"solid": true' not in found)
            or (not outline and token not in found)
        ):
            raise Broken(f"not what is in the picture: {found[:200]}")
        return "right"


def printed(number: str, width: int) -> bytes:
    """Return a picture of a page with a number on it."""
    image = Image.new("RGB", (width, 300), "white")
    ImageDraw.Draw(image).text(
        (width // 2, 150), number, "black", ImageFont.load_default(90), anchor="mm"
    )
    return _jpeg(image)


def disc(width: int) -> bytes:
    """Return a picture of a red disc."""
    image = Image.new("RGB", (width, 300), "white")
    ImageDraw.Draw(image).ellipse((width // 4, 90, 3 * width // 4, 210), "firebrick")
    return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _judged(text: str, token: str, way: str) -> str:
    """Return how an answer ended; one that was stopped holds its first words."""
    full = "".join(said(token)).strip()
    if way == "stop" and full.split(maxsplit=1)[0] in text:
        return "stopped"
    if full not in text:
        raise Broken(f"{text.count(token)} of its pieces: {text[-200:]}")
    return "right"


KINDS = {"hosted": [*[Chat] * 6, *[Florence] * 3, Script], "embedded": [Reader]}


async def figures(given: argparse.Namespace) -> dict:
    """Run a crowd; return its figures."""
    photos = [path.read_bytes() for path in sorted(given.photos.iterdir())] if given.photos else []
    crowd = Crowd(await opened(given.url), photos, given.think, time.monotonic() + given.seconds)
    await asyncio.gather(*(crowd.come_and_go(KINDS[given.engine]) for _ in range(given.visitors)))
    return crowd.to_dict()


def main() -> None:
    """Run a crowd and print its figures."""
    options = argparse.ArgumentParser(prog="python -m tests.support.many_visitors")
    options.add_argument("url")
    options.add_argument("engine", choices=KINDS)
    options.add_argument("--photos", type=Path)
    options.add_argument("--visitors", type=int, default=12)
    options.add_argument("--seconds", type=float, default=15)
    options.add_argument("--think", type=float, default=1)
    print(json.dumps(asyncio.run(figures(options.parse_args()))))


if __name__ == "__main__":
    main()
