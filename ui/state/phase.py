"""Tracks how far a question of the page is: taken, sent, ended, shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from vlm_backends import CancelToken, Picture


class Phase(Enum):
    """The phases of a question, in their order."""

    IDLE = auto()  # nothing is asked, or the end of the last question is shown
    QUEUED = auto()  # taken, and not sent yet
    RUNNING = auto()  # claimed by one stream, which sends it
    ENDED = auto()  # no more will arrive; the page does not show the end yet


@dataclass(kw_only=True)
class Phased:
    """Holds the phase of something that is asked, and how a visitor stops it.

    The phases go IDLE → QUEUED → RUNNING → ENDED → IDLE, by `enqueue`, `claim`, `end` and `reset`.
    """

    phase: Phase = Phase.IDLE
    stop_token: CancelToken | None = None  # a new one for each question; set by the visitor

    used: bool = False  # the visitor gave or asked something; else the page put there what it shows
    previewed: bool = False  # the page shows its first sample while it is read
    looked: Picture | None = None  # the picture that was looked over last
    seen: tuple[tuple[str, str], ...] = ()  # what was seen in it; see state.offers
    shown_in: str = ""  # the numbers of the browser and the window that show it; see state.history
    forgotten: bool = False  # the visitor cleared it: nothing brings it back

    @property
    def busy(self) -> bool:
        """Return True from the moment it is taken until its end is shown."""
        return self.phase is not Phase.IDLE

    @property
    def active(self) -> bool:
        """Return True from the moment it is taken until it has ended."""
        return self.phase in (Phase.QUEUED, Phase.RUNNING)

    @property
    def stopped(self) -> bool:
        """Return True once the visitor has stopped it."""
        return self.stop_token is not None and self.stop_token.is_set()

    def enqueue(self) -> None:
        """Take a new question: it is not sent yet."""
        self.phase, self.stop_token = Phase.QUEUED, CancelToken()

    def claim(self) -> bool:
        """Return True to one caller only: that one sends the question.

        Every click starts a stream of its own, also one that was refused.
        """
        if self.phase is not Phase.QUEUED:
            return False
        self.phase = Phase.RUNNING
        return True

    def end(self) -> None:
        """Note that no more will arrive."""
        self.phase = Phase.ENDED

    def abandon(self) -> None:
        """End it if it was taken and not sent: nobody will send it any more."""
        if self.phase is Phase.QUEUED:
            self.end()

    def reset(self) -> None:
        """Note that the page shows the end."""
        self.phase = Phase.IDLE

    def stop(self) -> None:
        """Stop it, at once or as soon as it is sent; what has arrived stays."""
        if self.busy and self.stop_token:
            self.stop_token.set()
