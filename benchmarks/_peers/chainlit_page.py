"""Chainlit: `chainlit run` serves it."""

import chainlit as cl

from benchmarks._peers.upstream import apieces


@cl.on_message
async def answer(question: cl.Message) -> None:
    reply = cl.Message("")
    async for piece in apieces(question.content):
        await reply.stream_token(piece)
    await reply.update()
