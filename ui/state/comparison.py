"""Holds a comparison: one question to each candidate, and how far the answers agree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from ui.core.markdown import as_markdown, closed, verbatim
from ui.state.agreements import Compared, Meeting
from ui.state.candidates import Candidate
from ui.state.phase import Phase, Phased
from ui.state.rendering import folded_thought, nothing_found, small_print, waiting
from ui.state.replies import PageReply
from vlm_backends import Answer, BadPrompt, Picture, Prompt, Question, Region, Turn
from vlm_backends.endings import has_content
from vlm_backends.intents import Intent, write_prompt
from vlm_backends.media.matching import agreement
from vlm_backends.text import one_line

MOST = 6  # entries at once
_LONGEST = 60  # characters of a prompt


@dataclass
class ComparisonEntry(Phased):
    """One question on its way to one candidate, and the answer so far."""

    candidate: Candidate
    question: Question
    reply: PageReply = field(init=False)

    def __post_init__(self) -> None:
        self.enqueue()
        self.reply = PageReply(self.question, self.stop_token)

    @property
    def title(self) -> str:
        """The candidate's name for people."""
        return self.candidate.title

    @property
    def ending(self) -> str:
        """A word for an end before the answer was whole; else empty."""
        return "failed" if self.reply.failure else "stopped" if self.reply.stopped else ""

    def markdown(self) -> str:
        """Return the entry as safe Markdown: who, how fast, what went wrong, and the words."""
        reply, answer = self.reply, self.reply.answer
        parts = [f"**{verbatim(self.title)}**", self._status(answer)]
        if reply.failure:
            parts.append(f"**{verbatim(reply.failure)}**")
        elif self.phase is Phase.ENDED and not has_content(answer):
            parts.append(
                "Stopped before the first word."
                if reply.stopped
                else nothing_found(answer, self.question.task)
            )
        words = [folded_thought(answer), closed(as_markdown(answer))]
        fine_print = self._fine_print(answer)
        # That an answer was cut off is said before it.
        parts += [fine_print, *words] if answer.finish else [*words, fine_print]
        return "\n\n".join(filter(None, parts))

    @property
    def _asked(self) -> str:
        """What was asked, in words: the task by its title."""
        text, task = self.question.prompt.turns[-1].text, self.question.task
        if task is None:
            return text
        words = text.removeprefix(task.token).strip()
        return f"{task.title}: {words}" if words else task.title

    def _status(self, answer: Answer) -> str:
        """Say how far the answer is; nothing once it has ended."""
        timing = self.reply.timing
        if self.phase is Phase.ENDED:
            return ""
        if has_content(answer) and timing.first_s is not None:
            return f"*First words after {timing.first_s:.1f} s …*"
        return waiting(answer) or "*…*"

    def _fine_print(self, answer: Answer) -> str:
        """Say of an answer that has ended how it was asked, and how long it took."""
        reply = self.reply
        if self.phase is not Phase.ENDED or not has_content(answer) or reply.engine is None:
            return ""
        asked = verbatim(f"Asked: “{one_line(self._asked, _LONGEST)}”")
        said = small_print(reply.engine.name, answer, reply.timing, reply.stopped)
        return f"<small>{asked}</small>\n\n{said}"


@dataclass
class Comparison(Phased):
    """One visitor's last comparison, held by the server.

    It is busy until every entry has ended and the page shows that.
    """

    given: Picture | None = None  # what the viewer shows, and is asked about next
    picture: Picture | None = None
    entries: tuple[ComparisonEntry, ...] = ()
    words: str = ""  # what was looked for
    asked: tuple[str, str] = ("", "")  # what was wanted, by its title, and the words of it
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # set when an entry has ended

    @property
    def begun(self) -> bool:
        """Return True once a picture was given."""
        return self.given is not None or self.picture is not None

    @property
    def pictures(self) -> list[Picture]:
        """The pictures that are shown and that was asked about."""
        return list(filter(None, [self.given, self.picture]))

    @property
    def is_shown(self) -> bool:
        """Return True while the viewer shows the picture that was asked about."""
        return self.given == self.picture

    def begin(self, picture: Picture, entries: Sequence[ComparisonEntry], words: str) -> None:
        """Take a new comparison."""
        self.picture, self.entries, self.words = picture, tuple(entries), words
        self.changed = asyncio.Event()
        self.used = True
        self.enqueue()

    def end_entry(self, entry: ComparisonEntry) -> None:
        """Note that an entry has its whole answer, or will get no more of it; forget the key."""
        entry.end()
        entry.reply.forget_key()
        self.changed.set()

    def abandon(self) -> None:
        """End what was taken and not sent: nobody will send it any more."""
        for entry in self.entries:
            if entry.phase is Phase.QUEUED:
                self.end_entry(entry)
        if self.phase is Phase.QUEUED:
            self.reset()

    @property
    def complete(self) -> bool:
        """Return True when every entry has ended."""
        return all(entry.phase is Phase.ENDED for entry in self.entries)

    def stop(self) -> None:
        """Stop all entries that have not ended; what has arrived stays."""
        if self.busy:
            for entry in self.entries:
                if entry.active:
                    entry.stop()

    def places(self) -> tuple[Answer, tuple[str, ...]]:
        """Return the regions of all ended entries, and the short name of each one's entry."""
        found = [
            (region, entry.candidate.short)
            for entry in self.entries
            for region in self._named(entry)
        ]
        return Answer("", tuple(region for region, _ in found)), tuple(name for _, name in found)

    def answers(self) -> list[Compared]:
        """Return what each entry has come to so far, with the places of those that have ended."""
        return [
            Compared(
                title=entry.title,
                short=entry.candidate.short,
                text=entry.reply.answer.text,
                places=self._named(entry),
                timing=entry.reply.timing,
                ending=entry.ending,
                partial=entry.candidate.partial,
            )
            for entry in self.entries
        ]

    def _named(self, entry: ComparisonEntry) -> tuple[Region, ...]:
        """Return the regions of an entry that has ended; a nameless one is what was looked for."""
        if entry.phase is not Phase.ENDED:
            return ()
        return tuple(
            region._replace(label=region.label or self.words, span=None)
            for region in entry.reply.answer.regions
            if region.outline
        )


def entries_for(
    chosen: Sequence[Candidate], intent: Intent, picture: Picture, words: str
) -> list[ComparisonEntry]:
    """Return one entry a candidate. Raises BadPrompt for none, too many, or missing words."""
    if not chosen:
        raise BadPrompt("Choose at least one model to ask.")
    if len(chosen) > MOST:
        raise BadPrompt(f"At most {MOST} can be asked at once. Leave out {len(chosen) - MOST}.")
    entries = []
    for candidate in chosen:
        text, task = write_prompt(candidate.model, intent, words)
        prompt = Prompt((Turn("user", text, (picture,)),))
        entries.append(ComparisonEntry(candidate, Question(candidate.model, prompt, task)))
    return entries


def meetings(answers: Sequence[Compared]) -> list[Meeting]:
    """Return how far each two of the answers agree that gave places."""
    giving = [i for i, answer in enumerate(answers) if answer.places]
    return [
        Meeting(one, other, agreement(answers[one].places, answers[other].places))
        for one, other in combinations(giving, 2)
    ]
