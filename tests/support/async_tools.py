"""Runs coroutines and asynchronous generators from plain tests."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own and return its result: Playwright keeps a loop going in the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def gather(items: AsyncIterator[T]) -> list[T]:
    """Return all items of an asynchronous iterator."""

    async def run() -> list[T]:
        return [item async for item in items]

    return finished(run())
