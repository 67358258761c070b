"""Types of command-line options that several commands share."""

import argparse
from collections.abc import Callable


def whole(most: int, least: int = 1) -> Callable[[str], int]:
    """Return a function that reads a whole number from `least` to `most`, for argparse's `type`."""

    def number(text: str) -> int:
        if not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"give a whole number from {least} to {most}")
        return int(text)

    return number
