"""Starts the page: `python app.py`."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing leaves this machine unasked
os.environ.setdefault("FORWARDED_ALLOW_IPS", "")  # a visitor's address is taken from no header, save as limits.py does

from ui import build, settings
from vlm_backends import VLMError, connect

if __name__ == "__main__":
    try:
        engine, options = connect(), settings()
    except VLMError as error:
        raise SystemExit(f"Not started. {error}") from None
    build(engine).launch(**options)
