"""What every part of the page stands on: session, limits, storage, shutdown, Gradio itself."""
