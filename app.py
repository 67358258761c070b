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
)  # only ui/core/limits.py takes a visitor's address from a header

from vlm_backends import VLMError
from vlm_backends.config import Config
from vlm_backends.engines import connect_engine
from vlm_backends.ratelimit import RateLimiter
from vlm_backends.startup import check_page_settings, return_freed_memory


def main() -> None:
    """Serves until a signal ends it; a setting that cannot be met ends it with a sentence."""
    return_freed_memory()
    with ExitStack() as stack:
        try:
            config = Config.from_env()
            check_page_settings(config.host, config.port, config.temp_folder)
            engine = connect_engine(config)
        except VLMError as error:
            raise SystemExit(f"Not started. {error}") from None
        if not config.temp_folder:
            folder = TemporaryDirectory(prefix="vlm-showcase-", ignore_cleanup_errors=True)
            os.environ["GRADIO_TEMP_DIR"] = stack.enter_context(folder)
        from ui import build, leave, serve, settings  # gradio reads the folder when it is imported

        limiter = RateLimiter(config.limits)
        serve(build(engine, config, limiter), **settings(config, limiter))
    leave()


if __name__ == "__main__":
    main()
