"""Runs our own server in a thread, and an engine behind it that gives scripted answers."""

import threading
import time
from contextlib import contextmanager

import uvicorn

from tests.support.fake_engine import FakeEngine
from vlm_backends.engines import openai
from vlm_backends.server.app import application


@contextmanager
def serving(engine, host="127.0.0.1", **settings):
    """Run a server with this engine; yield its base URL."""
    openai.clear_cache()
    config = uvicorn.Config(
        application(engine, **settings),
        host,
        port=0,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://{host}:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join(10)
        openai.clear_cache()


class ScriptedEngine(FakeEngine):
    """An engine with a scripted answer: it yields each item, waits for an event, raises an error."""

    name = "Told"

    def __init__(self, *items):
        self.items, self.stops, self.prompts = items, [], []

    def stream(self, model, prompt, stop=None):
        self.stops.append(stop)
        self.prompts.append(prompt)
        for item in self.items:
            if isinstance(item, threading.Event):
                while not item.wait(0.01) and not stop.is_set():
                    pass
            elif isinstance(item, Exception):
                raise item
            else:
                yield item
