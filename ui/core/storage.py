"""Pictures do not pile up: what visitors gave, and what was made of it, is deleted when it is old, and at the end."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from threading import Lock

import gradio as gr

KEPT: set[str] = set()  # the files that the page itself has made
GUARD = Lock()  # held while a file is made or deleted
_PERIOD, _AGE = 600.0, 6 * 3600.0  # seconds


def swept(period: float = _PERIOD, age: float = _AGE) -> Callable[..., AbstractAsyncContextManager]:
    """What `launch` takes as the life of the server: every `period` seconds all is deleted that is `age` old.

    Gradio has a sweep of its own, `delete_cache`. It does not know of this page's files, leaves their folders, and ends
    for good when a file arrives while it looks.
    """

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        page = app.get_blocks()
        task = asyncio.create_task(_forever(page, period, age))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            sweep(page, 0)

    return lifespan


async def _forever(page: gr.Blocks, period: float, age: float) -> None:
    while True:
        await asyncio.sleep(period)
        await asyncio.to_thread(sweep, page, age)


def sweep(page: gr.Blocks, age: float) -> None:
    """Deletes all files of visitors that nobody has used for `age` seconds, and the folders that are empty then."""
    examples = {
        file for block in page.blocks.values() for file in getattr(block, "keep_in_cache", ())
    }
    for files in (*page.temp_file_sets, KEPT):
        for file in tuple(files):  # a copy at once: uploads arrive meanwhile
            if file not in examples and _deleted(Path(file), age):
                files.discard(file)


def _deleted(path: Path, age: float) -> bool:
    """Whether the file is gone; so is its folder, if nothing else is in it."""
    with GUARD:
        try:
            if time.time() - path.lstat().st_ctime < age:
                return False
            path.unlink()
        except FileNotFoundError:
            pass
        with suppress(OSError):
            os.rmdir(path.parent)
    return True
