"""The base of every part of the page: session, limits, storage, shutdown, Gradio itself."""
