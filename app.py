"""Starts the page: `python app.py`, with the settings of docs/configuration.md."""

import os
from contextlib import ExitStack
from tempfile import TemporaryDirectory

from vlm_backends import VLMError
from vlm_backends.config import Config
from vlm_backends.engines import connect_engine
from vlm_backends.ratelimit import RateLimiter
from vlm_backends.startup import check_page_settings, return_freed_memory

_DEFAULTS = {  # read by these libraries when they are imported
    "GRADIO_ANALYTICS_ENABLED": "False",  # no usage figures are sent to anybody
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",  # without it, gradio sums up events
    "HF_HUB_DISABLE_XET": "1",  # its downloads cannot be stopped (huggingface_hub, issue 4632)
    "FORWARDED_ALLOW_IPS": "",  # uvicorn trusts no header: ui/core/limits.py finds the address
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)


def main() -> None:
    """Serve the page until a signal ends it. A wrong setting ends the start with one sentence."""
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
        from ui import build, leave, serve, settings  # gradio reads the variables above

        limiter = RateLimiter(config.limits)
        serve(build(engine, config, limiter), **settings(config, limiter))
    leave()


if __name__ == "__main__":
    main()
