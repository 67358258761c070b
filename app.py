"""Starts the page: `python app.py`."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing leaves this machine unasked

from ui import build, settings
from vlm_backends import VLMError, connect

if __name__ == "__main__":
    try:
        engine = connect()
    except VLMError as error:
        raise SystemExit(f"Not started. {error}") from None
    build(engine).launch(**settings())
