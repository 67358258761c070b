"""Read a request's body as JSON, within bounds of size and time."""

import asyncio
import json

from fastapi import Request

from vlm_backends.errors import BadPrompt, Refused

MAX_BODY = 64 * 2**20  # bytes
_ARRIVAL = 120  # seconds in which a request must have arrived


async def read_json(request: Request) -> object:
    """Return the body's JSON. Raises BadPrompt for invalid JSON, and Refused beyond the bounds."""
    try:
        data = await asyncio.wait_for(_received(request), _ARRIVAL)
    except asyncio.TimeoutError:
        raise Refused(
            f"The request did not arrive within {_ARRIVAL} seconds. Send smaller pictures.", 408
        ) from None
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise BadPrompt(
            "The request's body must be a JSON object with model and messages."
        ) from None


async def _received(request: Request) -> bytearray:
    """Read the bytes, unless the header announces too many. Raises Refused."""
    data, announced = bytearray(), request.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise _too_large()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY:
            raise _too_large()
    return data


def _too_large() -> Refused:
    return Refused(f"The request is larger than {MAX_BODY >> 20} MB. Send smaller pictures.", 413)
