"""Tries a visitor's key at once, by one short question to a model that is known to be alive."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from ui.core.session import EngineRegistry, Visitor
from ui.state.replies import PageReply, follow
from vlm_backends import CATALOGUE, Prompt, Question, Refused, Sampling, Turn, VLMError

TRYING = "Trying the key with one short question…"
_PATIENCE_S = 15.0
_USUAL = "nvapi-"  # how the keys of build.nvidia.com begin
_UNLIKE = (
    f"This does not look like a key of build.nvidia.com, which begins with “{_USUAL}”, and it "
    "could not be tried:"
)
_REFUSED = 401, 403  # by these a host says that it does not take the key
_MODEL = next(model for model in CATALOGUE if model.hosted and model.hosted.state == "alive")


async def try_key(registry: EngineRegistry, visitor: Visitor) -> tuple[bool, str]:
    """Return False when the visitor's key is not to be used; and a sentence about it.

    That is one that the host does not take, or that could not be tried and looks like none.
    """
    prompt = Prompt((Turn("user", "Say: yes"),), Sampling(1, 1.0, 1.0))
    reply = PageReply(Question(_MODEL, prompt))
    try:
        await asyncio.wait_for(_ask(reply, registry, visitor), _PATIENCE_S)
    except asyncio.TimeoutError:
        reply.failure = f"No answer came within {_PATIENCE_S:.0f} seconds."
    except VLMError as error:
        reply.failure = str(error)
    if not reply.failure:
        return True, f"The key works: {_MODEL.title} answered."
    if isinstance(reply.error, Refused) and reply.error.status in _REFUSED:
        return False, reply.failure
    if not visitor.key.startswith(_USUAL):
        return False, f"{_UNLIKE} {reply.failure}"
    return True, f"The key is in use, but could not be tried: {reply.failure}"


async def _ask(reply: PageReply, registry: EngineRegistry, visitor: Visitor) -> None:
    """Ask, and wait for the end: it is one token."""
    engine = registry.keyed(visitor)
    admission, observe = registry.admission(visitor, engine), registry.journal.observe
    async with aclosing(follow(reply, engine, admission, observe)) as arriving:
        async for _ in arriving:
            pass
