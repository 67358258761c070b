"""Tell marks that a reply prints as its subject from those that it uses.

`</think>` ends a thought; "The tag </think> ends a thought." is about it.
"""

import re
from bisect import bisect_left
from functools import cached_property

_SIGHT = 200  # characters of a line that are looked at, before and after a mark
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_BLANKS = " ", "\t"
_QUOTATION = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "(": ")", "*": "*"}
_ENDS_SENTENCE = ".!?…。！？"


class PrintedMarks:
    """Looks at what stands around the marks of a reply."""

    def __init__(self, reply: str) -> None:
        self._reply = reply

    def has(self, mark: re.Match[str], within_thought: bool = False) -> bool:
        """Return True for a mark in code or quotation marks, or one that is a word in a sentence.

        Within a thought it is no word: the thought's end may stand anywhere.
        """
        left, right = self._line_around(mark)
        is_quoted = bool(right) and _opens_quotation(left) and _QUOTATION[left[-1]] == right[0]
        if is_quoted or left.count("`") % 2:
            return True
        if within_thought:
            return False
        if bisect_left(self._fences, mark.start()) % 2:
            return True
        is_apart = left.endswith(_BLANKS) and bool(right.strip()) and not right[0].isalnum()
        return is_apart and _breaks_off(left)

    def may_have(self, mark: re.Match[str]) -> bool:
        """Return True for a mark that may be printed, while the rest of its line is missing."""
        left, right = self._line_around(mark)
        is_last = not right.strip() and mark.end() + len(right) == len(self._reply)
        is_apart = left.endswith(_BLANKS) and _breaks_off(left)
        return is_last and (is_apart or _opens_quotation(left))

    @cached_property
    def _fences(self) -> list[int]:
        return [fence.start() for fence in _FENCE.finditer(self._reply)]

    def _line_around(self, mark: re.Match[str]) -> tuple[str, str]:
        """Return what stands before and after a mark in its line."""
        start = max(0, mark.start() - _SIGHT)
        left = self._reply[start : mark.start()].rpartition("\n")[2]
        return left, self._reply[mark.end() : mark.end() + _SIGHT].partition("\n")[0]


def _opens_quotation(left: str) -> bool:
    """Return True for text that ends in an opening quotation mark or bracket."""
    return left.endswith(tuple(_QUOTATION)) and not left[-2:-1].isalnum()


def _breaks_off(left: str) -> bool:
    """Return True for the beginning of a line that ends within a sentence."""
    words = left.rstrip()
    return bool(words) and words[-1] not in _ENDS_SENTENCE
