"""Make a picture of a page of a PDF, in a process of its own that is ended after a time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from vlm_backends.concurrency import CancelToken, WaitingLine
from vlm_backends.errors import BadPrompt, Refused
from vlm_backends.media.files import pages
from vlm_backends.types import Page

_RENDERER = str(Path(__file__).with_name("pdf_renderer.py"))
_MAX_SECONDS = 20.0  # its limit of 10 s is the processor's, and this machine may be busy
_MAX_AT_ONCE = 2  # each may take a gigabyte
_MAX_WAIT = 120.0  # seconds for a turn: a page takes half a second, the worst one twenty
_RETRY_AFTER = 30.0  # seconds
_COUNT_ONLY = 0  # the number of no page
_NAMES_TO_START = "SYSTEMROOT", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"
_line = WaitingLine(_MAX_AT_ONCE)  # in turn, so that who brings many PDFs does not keep others out
_PROBLEMS = {
    "password": "This PDF is locked by a password: open it in a PDF reader, print it into a new "
    "PDF, and give that.",
    "broken": "This PDF is broken or cut off: save it anew and give it again.",
    "empty": "This PDF has no pages.",
    "page": "This page of the PDF is broken: print the file into a new PDF, and give that.",
    "library": "PDFs need pypdfium2: pip install pypdfium2",
    "memory": "This page of the PDF takes too much memory or time to draw: save it as a picture, "
    "and give that.",
}


def count_pages(data: bytes) -> int:
    """Return how many pages a PDF has. Raises BadPrompt, and Refused after a long wait."""
    return _drawn(data, _COUNT_ONLY)[0]["pages"]


def page_of(data: bytes, number: int) -> tuple[Image.Image, Page]:
    """Draw the page of this number, from 1: RGB, at 200 dots an inch.

    Annotations and the contents of form fields are drawn. A page larger than 25 megapixels is drawn
    with fewer dots an inch. Raises BadPrompt, and Refused after a long wait for a turn.
    """
    about, pixels = _drawn(data, number)
    page = pages.chosen(number, about["pages"])
    size = about["width"], about["height"]
    return Image.frombuffer("RGB", size, pixels, "raw", "RGB", 0, 1), page


def _drawn(data: bytes, number: int) -> tuple[dict, bytes]:
    """Run the renderer; return what it says of the page, and its pixels. Raises BadPrompt."""
    command = [sys.executable, _RENDERER, str(number)]
    try:
        with _turn():
            run = subprocess.run(
                command,
                input=data,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_MAX_SECONDS,
                env=_environment(),
            )
    except subprocess.TimeoutExpired:
        raise BadPrompt(_PROBLEMS["memory"]) from None
    line, _, pixels = run.stdout.partition(b"\n")
    if run.returncode or not line:  # at its limits, or by a fault of the file
        raise BadPrompt(_PROBLEMS["broken" if run.returncode >= 0 else "memory"])
    about = json.loads(line)
    if problem := about.get("problem"):
        raise BadPrompt(_PROBLEMS[problem])
    return about, pixels


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for a turn, and hold it until the `with` block ends. Raises Refused."""
    end = time.monotonic() + _MAX_WAIT
    with _line.place(CancelToken()) as ahead:
        for _ in ahead:
            if time.monotonic() >= end:
                raise Refused(
                    "Too many other PDFs are being drawn just now. Try again in a minute.",
                    503,
                    retry_after=_RETRY_AFTER,
                )
        yield


def _environment() -> dict[str, str]:
    """Return what Python needs to start, and where libraries are.

    The keys and passwords of this process are in its other variables: a program that reads hostile
    files gets none of them.
    """
    needed = {name: os.environ[name] for name in _NAMES_TO_START if name in os.environ}
    return needed | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
