"""A Chainlit page: `chainlit run` serves it."""

import chainlit as cl

from benchmarks._peers.stream_client import pieces_async


@cl.on_message
async def answer(question: cl.Message) -> None:
    reply = cl.Message("")
    async for piece in pieces_async(question.content):
        await reply.stream_token(piece)
    await reply.update()
