"""Send an answer's pieces as they arrive: as server-sent events, or as one JSON object."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing

from fastapi import Request

from vlm_backends.server.errors import failure
from vlm_backends.server.requests import ChatRequest
from vlm_backends.server.responses import Envelope, Piece, joined

# seconds of silence after which a stream begins without text, and between its status events
_PATIENCE = 10
_AT_WORK = "The server is at work, or has others before you."
Pieces = AsyncGenerator[list[Piece], None]  # an empty list: a second of silence


async def first_pieces(pieces: Pieces, request: Request) -> list[Piece]:
    """Return the first pieces; none after ten seconds of silence.

    Raises what went wrong before them, so that it has an HTTP status of its own.
    """
    for _ in range(_PATIENCE):
        if arrived := await anext(pieces):
            return arrived
        if await request.is_disconnected():
            break
    return []


async def events(
    first: Sequence[Piece], pieces: Pieces, question: ChatRequest
) -> AsyncIterator[str]:
    """Yield the server-sent events of a reply; an error is the last one.

    Events of pieces that came together are one text.
    """
    envelope, silent_s, status = Envelope(question.model.id), 0, _status(first, _AT_WORK)
    async with aclosing(pieces):
        try:
            if first:
                yield "".join(_events_of(first, envelope, question))
            async for arrived in pieces:
                silent_s = 0 if arrived else silent_s + 1
                status = _status(arrived, status)
                if arrived:
                    yield "".join(_events_of(arrived, envelope, question))
                elif (
                    silent_s % _PATIENCE == 0
                ):  # an event, since clients' deadlines ignore comments
                    yield _event(envelope.chunk(Piece(extras={"status": status})))
            yield "data: [DONE]\n\n"
        except Exception as error:
            yield _event(failure(error)[1])


async def whole(pieces: Pieces, question: ChatRequest, request: Request) -> dict:
    """Return the reply as one JSON object; an empty one when the caller has left."""
    all_pieces: list[Piece] = []
    async with aclosing(pieces):
        async for arrived in pieces:
            all_pieces += arrived
            if not arrived and await request.is_disconnected():
                break
    answer = all_pieces[-1].answer if all_pieces else None
    if answer is None:
        return {}
    piece = joined(all_pieces, answer, question.raw)
    return Envelope(question.model.id).whole(piece, answer)


def _status(pieces: Sequence[Piece], before: str) -> str:
    """Return the newest status in the pieces; `before` without one."""
    statuses = (piece.extras["status"] for piece in reversed(pieces) if "status" in piece.extras)
    return str(next(statuses, before))


def _events_of(pieces: Sequence[Piece], envelope: Envelope, question: ChatRequest) -> Iterator[str]:
    """Yield an event a piece; the last one may be followed by its count of tokens."""
    for piece in pieces:
        yield _event(envelope.chunk(piece))
        if piece.answer and question.counts and piece.answer.tokens:
            yield _event(envelope.count(piece.answer))


def _event(payload: dict) -> str:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n"
