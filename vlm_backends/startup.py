"""Prepare a process that serves: check its settings before anything starts, return freed memory."""

import ctypes
import errno
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from vlm_backends.errors import BadPrompt

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # options of mallopt, from glibc's <malloc.h>


def return_freed_memory() -> None:
    """Tell glibc to return large freed blocks to the system, and to keep at most two arenas.

    By default glibc keeps freed blocks, in one arena per thread: a page that decodes one picture
    after the other would grow by gigabytes. Does nothing with other C libraries.
    """
    with suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, 2)
        libc.mallopt(_MMAP_THRESHOLD, 2**20)


def check_page_settings(host: str, port: str, folder: str) -> None:
    """Check that the page can listen and store uploads where Gradio's settings say.

    They are the values of GRADIO_SERVER_NAME, GRADIO_SERVER_PORT and GRADIO_TEMP_DIR; empty is
    Gradio's own choice. Creates the folder if it is missing. Raises BadPrompt, with the name of
    the setting to change.
    """
    if port or host:
        names = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"
        check_can_listen(host or "127.0.0.1", port or "0", *names)
    try:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder or None):
            pass
    except (OSError, ValueError):
        where = folder[:200] or "the folder for temporary files"
        raise BadPrompt(
            f"Nothing can be written to {where}: set GRADIO_TEMP_DIR to another folder."
        ) from None


def check_can_listen(host: str, port: str, host_setting: str, port_setting: str) -> None:
    """Check that a server can listen there, by doing so for a moment; port 0 is any free one.

    Raises BadPrompt, with the name of the setting to change.
    """
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise BadPrompt(
            f"{port_setting}={port[:40]} is no port: use a whole number from 1 to 65535."
        )
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        socket.create_server((bare, int(port)), family=family).close()
    except (OSError, UnicodeError) as error:
        code = getattr(error, "errno", None)
        if code == errno.EADDRINUSE:
            problem = (
                f"Port {port} is taken: end what listens there, or set {port_setting} to another."
            )
        elif code == errno.EACCES:
            problem = (
                f"This user may not listen on port {port}: set {port_setting} to one above 1023."
            )
        else:
            problem = (
                f"{host_setting}={host[:100]} is not here: "
                "use 127.0.0.1, or 0.0.0.0 for all addresses."
            )
        raise BadPrompt(problem) from None
