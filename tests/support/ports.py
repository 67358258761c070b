"""Finds ports, and launches pages on them."""

import random
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gradio as gr


_RANDOM = random.SystemRandom()  # test processes seed the other one alike


def free_port() -> int:
    """Return a free port below the ephemeral ones, so that it is still free when the server starts."""
    while True:
        port = _RANDOM.randrange(20_000, 32_000)
        with suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port


def launch_page(page: "gr.Blocks", **options: Any) -> str:
    """Launch the page in this process; return its URL.

    Two test processes that looked for Gradio's first free port at the same moment would take the
    same one, and a page with tools for agents cannot try a second.
    """
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, server_port=free_port(), **options
    )
    return url
