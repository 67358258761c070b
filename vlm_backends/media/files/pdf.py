"""Make a picture of a page of a PDF, in a process of its own that is ended after a time."""

import json
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore

from PIL import Image

from vlm_backends.errors import BadPrompt
from vlm_backends.media.files import pages
from vlm_backends.types import Page

_RENDERER = str(Path(__file__).with_name("pdf_renderer.py"))
_MAX_SECONDS = 20.0  # its limit of 10 s is the processor's, and this machine may be busy
_MAX_AT_ONCE = 2  # each may take a gigabyte
_COUNT_ONLY = 0  # the number of no page
_turns = BoundedSemaphore(_MAX_AT_ONCE)
_PROBLEMS = {
    "password": "This PDF is locked by a password: open it in a PDF reader, print it into a new "
    "PDF, and give that.",
    "broken": "This PDF is broken or cut off: save it anew and give it again.",
    "empty": "This PDF has no pages.",
    "page": "This page of the PDF is broken: print the file into a new PDF, and give that.",
    "memory": "This page of the PDF takes too much memory or time to draw: save it as a picture, "
    "and give that.",
}


def count_pages(data: bytes) -> int:
    """Return how many pages a PDF has. Raises BadPrompt."""
    return _drawn(data, _COUNT_ONLY)[0]["pages"]


def page_of(data: bytes, number: int) -> tuple[Image.Image, Page]:
    """Draw the page of this number, from 1: RGB, at 200 dots an inch. Raises BadPrompt.

    Annotations and the contents of form fields are drawn. A page larger than 25 megapixels is drawn
    with fewer dots an inch.
    """
    about, pixels = _drawn(data, number)
    page = pages.chosen(number, about["pages"])
    size = about["width"], about["height"]
    return Image.frombuffer("RGB", size, pixels, "raw", "RGB", 0, 1), page


def _drawn(data: bytes, number: int) -> tuple[dict, bytes]:
    """Run the renderer; return what it says of the page, and its pixels. Raises BadPrompt."""
    command = [sys.executable, _RENDERER, str(number)]
    try:
        with _turns:
            run = subprocess.run(command, input=data, capture_output=True, timeout=_MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise BadPrompt(_PROBLEMS["memory"]) from None
    line, _, pixels = run.stdout.partition(b"\n")
    if run.returncode or not line:
        raise _failure(run.returncode, run.stderr)
    about = json.loads(line)
    if problem := about.get("problem"):
        raise BadPrompt(_PROBLEMS[problem])
    return about, pixels


def _failure(status: int, said: bytes) -> BadPrompt:
    """Return why a renderer ended without an answer: at its limits, or by a fault of the file."""
    if b"No module named" in said:
        return BadPrompt("PDFs need pypdfium2: pip install pypdfium2")
    return BadPrompt(_PROBLEMS["broken" if status >= 0 else "memory"])
