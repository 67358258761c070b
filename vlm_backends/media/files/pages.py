"""Choose a page or a frame of a file, or refuse with a sentence that says how many there are."""

from vlm_backends.errors import BadPrompt
from vlm_backends.types import Page, PageUnit


def whole_number(page: object) -> int:
    """Return the number of a page as it was asked for; raise BadPrompt when it is none."""
    if isinstance(page, float) and page.is_integer():
        page = int(page)  # as a browser's field gives it
    if isinstance(page, bool) or not isinstance(page, int):
        raise BadPrompt("The page must be a whole number, 1 for the first.")
    return page


def chosen(number: int, count: int, unit: PageUnit = "page") -> Page:
    """Return the page of this number, from 1. Raises BadPrompt when there is none."""
    if 1 <= number <= count:
        return Page(number, count, unit)
    there = f"{count:,} {unit}s" if count > 1 else f"1 {unit}"
    raise BadPrompt(f"This file has {there}; {unit} {number} was asked for.")
