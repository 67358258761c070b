"""Keeps what each browser asked for some hours, so that a reload of the page loses nothing.

It is in memory only, under random numbers that the browser made: never a key, never a file.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from ui.core.storage import MAX_AGE, is_stored
from ui.state.comparison import Comparison
from ui.state.conversation import Conversation
from ui.state.replies import PageReply
from ui.state.task_run import TaskRun

State = Conversation | TaskRun | Comparison
Kept = TypeVar("Kept", Conversation, TaskRun, Comparison)
RELOADED = "The page was loaded again while this answer arrived. Ask again for the rest."
_NUMBERS = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{0,32})")
_MOST_BROWSERS, _MOST_STATES = 512, 20
_PATIENCE_S, _LOOK_EVERY_S = 3.0, 0.05
_OWN_PATIENCE_S = 30.0  # a step that is computed on this server may take as long to end


@dataclass
class _Shelf:
    """What one browser asked, by tab, the newest first."""

    used: float
    tabs: dict[str, list] = field(default_factory=dict)


class History:
    """The states of the tabs, by browser; `user` is who signed in, if the page asks for that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shelves: OrderedDict[tuple[str, str], _Shelf] = OrderedDict()
        self._lock = Lock()

    def resume(self, browser: str, user: str, tab: str, state: Kept) -> Kept:
        """Return what this browser's tab goes on with, and keep it from now on.

        That is `state` if something was asked in it already, or nothing is kept here.
        """
        with self._lock:
            states = self._states(browser, user, tab)
            # What another window shows, and nothing was asked in, is no reason to begin anew.
            here = [kept for kept in states if kept.begun or kept.shown_in == browser]
            if not state.begun and here and here[0].begun:
                return here[0]
            _put_first(states, state, browser)
            return state

    def renew(self, browser: str, user: str, tab: str, state: Kept) -> None:
        """Keep `state` as the newest of the tab; what was asked before stays."""
        with self._lock:
            _put_first(self._states(browser, user, tab), state, browser)

    def earlier(self, browser: str, user: str, tab: str) -> list:
        """List what was asked in this tab, the newest first."""
        with self._lock:
            return list(self._states(browser, user, tab))

    def _states(self, browser: str, user: str, tab: str) -> list:
        """Return the list of a tab, to be changed; one that nobody keeps for no browser."""
        numbers = _NUMBERS.fullmatch(browser) if isinstance(browser, str) else None
        if not numbers:
            return []
        key = user, numbers[1]
        now = self._clock()
        while self._shelves and now - next(iter(self._shelves.values())).used > MAX_AGE:
            self._shelves.popitem(last=False)
        shelf = self._shelves.setdefault(key, _Shelf(now))
        shelf.used = now
        self._shelves.move_to_end(key)
        if len(self._shelves) > _MOST_BROWSERS:
            self._shelves.popitem(last=False)
        states = shelf.tabs.setdefault(tab, [])
        states[:] = [kept for kept in states if not kept.forgotten and _whole(kept)]
        return states


async def cut_off(state: State, browser: str) -> bool:
    """End the answer that a reload of its window has cut off; return False if it goes on.

    It goes on when another window of the browser shows it.
    """
    own = state.shown_in == browser
    if state.active and own:
        for reply in _replies(state, active=True):
            reply.interrupt(RELOADED)
        if not isinstance(state, Comparison) and state.reply is None:  # it is not sent yet
            state.error = RELOADED
            state.stop()
        state.abandon()
    for _ in range(round((_OWN_PATIENCE_S if own else _PATIENCE_S) / _LOOK_EVERY_S)):
        if not state.active:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    if state.active:
        return False
    for reply in _replies(state):
        if not (reply.complete or reply.failure or reply.stopped):
            reply.failure = RELOADED  # Gradio was faster: it ends what nobody listens to
    return True


def _replies(state: State, active: bool = False) -> list[PageReply]:
    """Return the replies whose end the page may not show yet; `active`: that have not ended."""
    if isinstance(state, Comparison):
        return [entry.reply for entry in state.entries if entry.active or not active]
    return [state.reply] if state.reply and state.busy else []


def _put_first(states: list, state: State, browser: str) -> None:
    """Make it the newest, of this window; drop what this window left without a question.

    What other windows show stays: something may be asked there later.
    """
    state.shown_in = browser
    others = [kept for kept in states if kept is not state]
    new = [kept for kept in others if not kept.begun and kept.shown_in != browser]
    begun = [kept for kept in others if kept.begun]
    states[:] = [state, *new[:_MOST_STATES], *begun[: _MOST_STATES - 1]]


def _whole(state: State) -> bool:
    """Return True while the pictures of a state are on the server."""
    return all(map(is_stored, state.pictures))
