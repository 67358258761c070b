"""Starts the page: `python app.py`."""

import os
from contextlib import ExitStack
from tempfile import TemporaryDirectory

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing leaves this machine unasked
os.environ.setdefault(
    "GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000"
)  # or each event is summed up, for nobody
os.environ.setdefault(
    "FORWARDED_ALLOW_IPS", ""
)  # a visitor's address is taken from no header, save as limits.py does

from vlm_backends import VLMError, connect
from vlm_backends.startup import check_page_settings, return_freed_memory


def main() -> None:
    """Serves until a signal ends it; a setting that cannot be met ends it with a sentence."""
    return_freed_memory()
    with ExitStack() as stack:
        try:
            check_page_settings()
            if not os.environ.get("GRADIO_TEMP_DIR", "").strip():
                folder = TemporaryDirectory(prefix="vlm-showcase-", ignore_cleanup_errors=True)
                os.environ["GRADIO_TEMP_DIR"] = stack.enter_context(folder)
            engine = connect()
            from ui import (  # gradio reads the settings that were checked above
                build,
                leave,
                serve,
                settings,
            )

            options = settings()
        except VLMError as error:
            raise SystemExit(f"Not started. {error}") from None
        serve(build(engine), **options)
    leave()


if __name__ == "__main__":
    main()
