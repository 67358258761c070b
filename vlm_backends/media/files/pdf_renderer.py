"""Draw one page of a PDF, as a program of its own: `python pdf_renderer.py NUMBER < file.pdf`.

PDFium reads hostile files for as long as they like, in one thread for the whole process, and a
fault in it ends the process. Here it has a process to itself, with limits on time and memory.

It writes a line of JSON (`pages`, `width`, `height`, or the `problem`), and the pixels after it:
RGB, row by row. Scripts do not run (this PDFium has no JavaScript), nothing is fetched. It imports
nothing of this project, so that it starts quickly.
"""

import json
import math
import sys
from contextlib import suppress
from typing import Any

_DOTS_PER_INCH = 200  # as scanners take print: an 8-point letter is about 22 px high
_POINTS_PER_INCH = 72
_MAX_PIXELS, _MAX_SIDE = 24_500_000, 16_000  # nearly as of other pictures: sides are rounded up
_MAX_SECONDS, _MAX_MEMORY = 10, 2**30  # of the processor; bytes of this process
_PROBLEMS = {0: "empty", 4: "password"}  # by PDFium's numbers; any other: broken


def main() -> None:
    """Read a PDF from stdin, and write the page of the number in the first argument."""
    _limit_this_process()
    number, data = int(sys.argv[1]), sys.stdin.buffer.read()
    try:
        about, pixels = _drawn(data, number)
    except MemoryError:
        about, pixels = {"problem": "memory"}, b""
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\n")
    sys.stdout.buffer.write(pixels)
    sys.stdout.buffer.flush()


def _limit_this_process() -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_MAX_SECONDS, _MAX_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _drawn(data: bytes, number: int) -> tuple[dict[str, Any], bytes]:
    """Return what is known of the page, and its pixels; page 0 is counted only."""
    try:
        import pypdfium2
    except ImportError:
        return {"problem": "library"}, b""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        return {"problem": _PROBLEMS.get(error.err_code or 0, "broken")}, b""
    document.init_forms()  # before any page: fields with their contents are drawn then
    pages = len(document)
    if not 1 <= number <= pages:
        return {"pages": pages}, b""
    try:
        page = document[number - 1]
        scale: Any = _scale(page.get_width(), page.get_height())  # its type says int
        bitmap = page.render(scale=scale, rev_byteorder=True)
    except (pypdfium2.PdfiumError, ValueError):
        return {"pages": pages, "problem": "page"}, b""
    row = bitmap.width * bitmap.n_channels
    lines = memoryview(bitmap.buffer).cast("B")
    pixels = b"".join(
        lines[y * bitmap.stride : y * bitmap.stride + row] for y in range(bitmap.height)
    )
    return {"pages": pages, "width": bitmap.width, "height": bitmap.height}, pixels


def _scale(width: float, height: float) -> float:
    """Return the pixels for a point of a page, whose size is in points."""
    width, height = max(width, 1.0), max(height, 1.0)
    usual = _DOTS_PER_INCH / _POINTS_PER_INCH
    return min(usual, math.sqrt(_MAX_PIXELS / (width * height)), _MAX_SIDE / max(width, height))


if __name__ == "__main__":
    del sys.path[0]  # this folder: its names are not those of libraries
    main()
