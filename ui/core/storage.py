"""Keeps the files of the page and its visitors for some hours, and deletes them at the end."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import gradio as gr
from gradio.utils import get_upload_folder

from ui.core.gradio_compat import files_of_examples, files_of_visitors
from vlm_backends import Picture
from vlm_backends.media import images
from vlm_backends.media.decoding import first_page, read_bytes
from vlm_backends.types import Page

_PERIOD, MAX_AGE = 600.0, 6 * 3600.0  # seconds
_own_files: set[str] = (
    set()
)  # made by the page itself; Gradio serves its upload folder to all pages
# By the path of a picture's file: the picture, and the visitor's file that it was read from.
_read_before: dict[str, tuple[Picture, str]] = {}
_lock = Lock()  # held while a file is made or deleted


def store_picture(source: images.Source, page: int | None = None) -> Picture:
    """Read a picture, and return it with its bytes in a file of the page instead of in memory.

    A visit may have many pictures, and is held for hours. `page` is one of the file that the
    visitor gave, also where `source` is what this made of another page of it. Raises BadPrompt when
    it is no picture, or has no such page.
    """
    path = str(source) if isinstance(source, (str, Path)) else ""
    picture, upload = _read_before.get(path, (None, path))
    if picture and page in (None, picture.page.number):
        picture_path(picture)  # renews its age
        return picture
    picture = images.read(upload or source, 1 if page is None else page)
    name = f"picture.{picture.mime.rpartition('/')[2]}"
    origin = f"{upload}#{picture.page.number}" if upload else ""
    stored = replace(picture, source=Path(store_file(name, picture.data, origin)))
    if upload:
        _read_before[str(stored.source)] = stored, upload
    return stored


def page_at(path: str | Path) -> Page:
    """Return which page of its file a picture is, or the first page of a visitor's file.

    Raises BadPrompt.
    """
    known = _read_before.get(str(path))
    return known[0].page if known else first_page(read_bytes(path))


def page_of_field(path: str | None, page: int | None) -> int | None:
    """Return the page that the field beside a picture asks for; None for the one that is shown.

    The number counts at once, before the field shows that page. While a new file is being shown,
    the number is that of the file before, and does not count.
    """
    return page if path in _read_before else None


def picture_path(picture: Picture) -> str:
    """Return the path of the picture's file among the page's uploads; write it if there is none.

    Each call renews the age of the file. A file that was deleted is not written again: reading the
    picture then raises BadPrompt, which tells the visitor.
    """
    if isinstance(picture.source, Path):
        with suppress(OSError):
            os.utime(picture.source)
        return str(picture.source)
    return store_file(f"picture.{picture.mime.rpartition('/')[2]}", picture.data)


def is_stored(picture: Picture) -> bool:
    """Return True while the bytes of a picture can be read."""
    return isinstance(picture.source, bytes) or picture.source.exists()


def store_file(name: str, data: bytes, origin: str = "") -> str:
    """Write a file into a folder named by its content's SHA-256, hard to guess; return its path.

    What has another `origin` gets another folder.
    """
    digest = hashlib.sha256(data + origin.encode(errors="surrogateescape"))
    folder = Path(get_upload_folder()) / digest.hexdigest()
    path = folder / name
    with _lock:
        _own_files.add(str(path))
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            os.utime(path)  # the sweep goes by age
        else:
            unfinished = folder / f"{uuid4().hex}.part"
            unfinished.write_bytes(data)
            os.replace(unfinished, path)  # at once: another visitor may be reading it
    return str(path)


def new_file(name: str) -> Path:
    """Return the path of a file that is still to be written, in a new folder among the uploads."""
    path = Path(get_upload_folder()) / uuid4().hex / name
    with _lock:
        _own_files.add(str(path))
        path.parent.mkdir(parents=True)
    return path


def sweeping_lifespan(
    period: float = _PERIOD, max_age: float = MAX_AGE
) -> Callable[..., AbstractAsyncContextManager]:
    """Return a lifespan for the server that deletes old files, every `period` seconds.

    A file is old after `max_age` seconds; when the server ends, all files go.
    For `launch(app_kwargs={"lifespan": …})`.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        page = app.get_blocks()
        tasks = [asyncio.create_task(_sweep_forever(page, period, max_age))]
        if background := getattr(page, "background", None):
            tasks.append(asyncio.create_task(background()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            sweep(page, 0)
            for error in ended:
                if isinstance(error, Exception):  # a bug: the log gets its traceback
                    raise error

    return lifespan


async def _sweep_forever(page: gr.Blocks, period: float, max_age: float) -> None:
    while True:
        await asyncio.sleep(period)
        await asyncio.to_thread(sweep, page, max_age)


def sweep(page: gr.Blocks, max_age: float) -> None:
    """Delete files that are unused for `max_age` seconds, and the folders that are empty then."""
    examples = files_of_examples(page)
    for files in (*files_of_visitors(page), _own_files):
        for file in tuple(files):  # a copy: uploads arrive meanwhile
            if file not in examples and _delete_if_old(Path(file), max_age):
                files.discard(file)
                _read_before.pop(file, None)


def _delete_if_old(path: Path, max_age: float) -> bool:
    """Return True when the file is gone; so is its folder, if nothing else is in it."""
    with _lock:
        try:
            if time.time() - path.lstat().st_ctime < max_age:
                return False
            path.unlink()
        except FileNotFoundError:
            pass
        with suppress(OSError):
            os.rmdir(path.parent)
    return True
