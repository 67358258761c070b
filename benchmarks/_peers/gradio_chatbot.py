"""The usual Gradio page: a Chatbot, and a generator that yields all messages at every piece."""

import gradio as gr

from benchmarks._peers.stream_client import pieces


def answer(question: str, history: list[dict]):
    history, words = [*history, {"role": "user", "content": question}], ""
    for piece in pieces(question):
        words += piece
        yield [*history, {"role": "assistant", "content": words}]


with gr.Blocks() as page:
    chat, box = gr.Chatbot(), gr.Textbox()
    box.submit(answer, [box, chat], chat, api_name="answer")
page.queue(default_concurrency_limit=None).launch(quiet=True, max_threads=256)
