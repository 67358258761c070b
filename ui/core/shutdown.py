"""The end of the page: answers on their way end with a sentence, and what a service holds for them is taken back."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import NoReturn

import gradio as gr

from vlm_backends.concurrency import active_readers

RESTART = "This page is being restarted. What had arrived is kept; ask again in a minute."
_LAST = 5.0  # seconds in which running answers have to end
_MOMENT = 1.0  # in which browsers fetch these ends
_SIGNALS = signal.SIGTERM, signal.SIGINT

Cut = Callable[[str], object]  # ends an answer, with the sentence that says why


class Closing:
    """Knows all answers that are on their way."""

    def __init__(self) -> None:
        self._begun, self._cuts = False, []

    @contextmanager
    def told(self, cut: Cut) -> Iterator[None]:
        """`cut` is called when the page closes meanwhile, and at once when it is closing already."""
        self._cuts.append(cut)
        try:
            if self._begun:
                cut(RESTART)
            yield
        finally:
            self._cuts.remove(cut)

    def end(self, seconds: float = _LAST) -> None:
        """Ends all answers, and waits until their threads have taken back what they lent."""
        self._begun, last = True, time.monotonic() + seconds
        for cut in list(self._cuts):
            cut(RESTART)
        for reader in active_readers():
            reader.join(max(0.0, last - time.monotonic()))


closing = Closing()


def serve(page: gr.Blocks, **options: object) -> None:
    """Launches the page, and closes it in order at a signal; a second signal ends the process at once."""
    told = Event()

    def first(*_: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        told.set()

    for number in _SIGNALS:
        signal.signal(number, first)
    page.launch(prevent_thread_lock=True, **options)
    told.wait()
    closing.end()
    time.sleep(_MOMENT)
    page.close(verbose=False)


def leave() -> NoReturn:
    """Ends the process."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(
        0
    )  # a thread that still computes, in other people's C++, would abort the interpreter's own end
