"""A page with `gr.ChatInterface` and the function that its guide shows."""

import gradio as gr

from benchmarks._peers.stream_client import pieces


def answer(question: str, history: list[dict]):
    words = ""
    for piece in pieces(question):
        words += piece
        yield words


page = gr.ChatInterface(answer)
page.queue(default_concurrency_limit=None).launch(quiet=True, max_threads=256)
