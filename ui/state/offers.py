"""Finds what can be done with a picture, while the visitor looks at it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from vlm_backends import CancelToken, Picture
from vlm_backends.concurrency import latest_items
from vlm_backends.engines.builtin import look_over

Found = tuple[tuple[str, str], ...]  # a kind, and how much of it in words


async def look_at(picture: Picture) -> AsyncGenerator[Found, None]:
    """Yield what was found so far, each time more of it is; nobody's key or quota is spent.

    Leaving early ends the search.
    """
    cancel = CancelToken()

    def gather() -> Iterator[Found]:
        found: Found = ()
        for finding in look_over(picture, cancel):
            found = (*found, (finding.kind, finding.said))
            yield found

    async with aclosing(latest_items(gather, cancel)) as arriving:
        async for found in arriving:
            yield found
