"""Part what a model thought from its answer, by the marks that reasoning models write."""

import re

from vlm_backends.readers.printed import PrintedMarks

MARKS = (  # whole, for those that have not arrived whole
    "<think>", "</think>", "<thinking>", "</thinking>", "<seed:think>", "</seed:think>",
    "<thought>", "</thought>", "<reasoning>", "</reasoning>", "[THINK]", "[/THINK]",
    "◁think▷", "◁/think▷", "<|channel>thought", "<channel|>",
)  # fmt: skip
_MARK = re.compile(
    r"(?P<open><(?:seed:)?think(?:ing)?>|<(?:thought|reasoning)>|\[THINK\]|◁think▷"
    r"|<\|(?:begin_of_thought|START_THINKING)\|>|<\|channel>thought)"
    r"|</(?:seed:)?think(?:ing)?>|</(?:thought|reasoning)>|\[/THINK\]|◁/think▷"
    r"|<\|(?:end_of_thought|END_THINKING)\|>|<channel\|>"
)
_LONGEST_PAIR = 40  # characters between two marks that are printed as a pair
_HARMONY = re.compile(  # the beginning of a reply in OpenAI's harmony, also a part of it
    r"\s*(?:<\|start\|>\w*)?<\|channel\|>\w*(?: to=\S*)?(?: ?<\|constrain\|>\w*)? ?"
    r"(?:<\|message\|>|$)"
)
_CONTROL = re.compile(r"<\|(start|channel|constrain|message|end|return|call)\|>")


def split(reply: str) -> tuple[str, str]:
    """Return what the model thought, and its answer.

    A thought may end with a mark that it did not begin with: what was an answer until then is a
    thought from then on. A mark that the answer prints stays in it; the last mark of the reply is
    left out while it may be a printed one.
    """
    return _split_channels(reply) if _HARMONY.match(reply) else _MarkedReply(reply).split()


class _MarkedReply:
    """Goes through the marks of a reply, in their order."""

    def __init__(self, reply: str) -> None:
        self._reply, self._printed = reply, PrintedMarks(reply)
        self._thoughts: list[str] = []
        self._words: list[str] = []
        self._end = 0  # of the last mark
        self._depth = 0  # thoughts that have begun and not ended
        self._was_open = False  # the last mark began a thought
        self._printed_at = -1  # the end of the last mark that is printed

    def split(self) -> tuple[str, str]:
        """Return what the model thought, and its answer."""
        end = len(self._reply)
        for mark in _MARK.finditer(self._reply):
            if self._is_printed(mark):
                self._printed_at = mark.end()
            elif not self._depth and self._printed.may_have(mark):
                end = mark.start()
            else:
                self._use(mark)
        # Some servers begin a thought twice, and end it once: after an end the answer follows.
        (self._thoughts if self._was_open else self._words).append(self._reply[self._end : end])
        return _joined(self._thoughts), "".join(self._words)

    def _is_printed(self, mark: re.Match[str]) -> bool:
        is_close, is_within = not mark["open"], self._depth > 0
        is_near = self._printed_at >= 0 and mark.start() - self._printed_at <= _LONGEST_PAIR
        if is_close and not is_within and is_near:
            between = self._reply[self._printed_at : mark.start()]
            if "\n" not in between and ". " not in between:
                return True  # its beginning is printed, too
        return self._printed.has(mark, within_thought=is_close and is_within)

    def _use(self, mark: re.Match[str]) -> None:
        part = self._reply[self._end : mark.start()]
        if mark["open"]:
            (self._thoughts if self._depth else self._words).append(part)
            self._depth += 1
        elif self._depth:
            self._thoughts.append(part)
            self._depth -= 1
        else:  # all until here was a thought
            self._thoughts += [*self._words, part]
            self._words = []
        self._end, self._was_open = mark.end(), bool(mark["open"])


def _split_channels(reply: str) -> tuple[str, str]:
    """Split harmony: only the channel "final", and what is in none, is for people."""
    thoughts: list[str] = []
    before, *parts = _CONTROL.split(reply)
    words, channel = [before], "final"
    for control, text in zip(parts[::2], parts[1::2]):
        if control == "channel":
            channel = text.partition(" ")[0]
        elif control == "message":
            (words if channel == "final" else thoughts).append(text)
        elif control in ("end", "return", "call"):
            words.append(text)
            channel = "final"
    return _joined(thoughts), "".join(words)


def _joined(thoughts: list[str]) -> str:
    return "\n".join(filter(None, map(str.strip, thoughts)))
