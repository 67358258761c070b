"""Ends the page in order: running answers end with a sentence, uploads at services are deleted."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, NoReturn

import gradio as gr

from vlm_backends.concurrency import active_readers

RESTART = "This page is being restarted. What had arrived is kept; ask again in a minute."
_TIMEOUT = 5.0  # seconds in which running answers have to end
_FETCHING = 1.0  # seconds in which browsers fetch the ends of these answers
_SIGNALS = signal.SIGTERM, signal.SIGINT

Interrupt = Callable[[str], object]  # ends an answer, with the sentence that says why


class ShutdownRegistry:
    """Keeps track of all running answers, and interrupts them when the page ends."""

    def __init__(self) -> None:
        self._ending = False
        self._interrupts: list[Interrupt] = []

    @contextmanager
    def register(self, interrupt: Interrupt) -> Iterator[None]:
        """Call `interrupt` when the page ends inside the block; at once if it is ending already."""
        self._interrupts.append(interrupt)
        try:
            if self._ending:
                interrupt(RESTART)
            yield
        finally:
            self._interrupts.remove(interrupt)

    def end(self, timeout: float = _TIMEOUT) -> None:
        """Interrupt all answers; wait, `timeout` seconds at most, until their threads have ended.

        A thread ends when it has deleted what a service holds for it, such as an uploaded picture.
        """
        self._ending, deadline = True, time.monotonic() + timeout
        for interrupt in list(self._interrupts):
            interrupt(RESTART)
        for reader in active_readers():
            reader.join(max(0.0, deadline - time.monotonic()))


# One for the process, since signals are the process's: a process serves one page.
shutdown_registry = ShutdownRegistry()


def serve(page: gr.Blocks, **options: Any) -> None:
    """Launch the page with `launch`'s options; end it in order at SIGTERM or SIGINT.

    A second signal ends the process at once.
    """
    signalled = Event()

    def on_signal(*_: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signalled.set()

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    page.launch(prevent_thread_lock=True, **options)
    signalled.wait()
    shutdown_registry.end()
    time.sleep(_FETCHING)
    page.close(verbose=False)


def leave() -> NoReturn:
    """End the process without the interpreter's own clean-up.

    A thread that still computes in a library's C++ code would abort that clean-up.
    """
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
