"""A local server that plays NVIDIA's API, for the tests and for trying the page without a key.

It plays all of NVIDIA's hosts at one address, and the object store of the signed addresses at another one. It is
written from the documents of the wire and shares no line with the client. `python -m tests.support.wire --port 8808` runs it.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import uuid4

from tests.support.wire import answers as wire_answers
from tests.support.wire import questions as wire_questions
from tests.support.wire.exchange import Exchange, Seen
from tests.support.wire.hosts import NVIDIA, Store
from tests.support.wire.problems import Refusal, problems
from tests.support.wire.questions import INTEGRATE, Asset
from tests.support.wire.replies import (
    Reply,
    status,
)


@dataclass
class _Job:
    """An answer that is not ready yet."""

    asked: Seen
    polls: int
    then: Reply


class Wire:
    """The server, as a context manager. `script` takes replies for the next chat requests, `scripts[route]` for others.

    `keys` are the accepted ones (None: any that is not empty; "" among them: also no header at all).
    """

    def __init__(
        self,
        port: int = 0,
        keys: Collection[str] | None = None,
        models: tuple[str, ...] = INTEGRATE,
    ) -> None:
        self.keys, self.models = keys, models
        self.seen: list[Seen] = []
        self.script: deque[Reply] = deque()
        self.scripts: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self.assets: dict[str, Asset] = {}
        self.deleted: dict[str, Asset] = {}
        self.disconnects = 0  # clients that left before their answer was complete
        self.errors: list[BaseException] = []  # faults of this server, raised again at its end
        self.florence_entities = True  # False: location tokens in the content
        self.florence_zip = True  # False: the JSON itself
        self.window = 0.0  # seconds between two pieces of a stream
        self.watched = False  # a line on stderr for each request
        self.closing = threading.Event()
        self._lock = threading.RLock()
        self._jobs: dict[str, _Job] = {}
        self._nvidia, self._store = NVIDIA(self, port), Store(self)
        self.url = f"http://127.0.0.1:{self._nvidia.server_port}"
        self.store_url = self._store.url

    def __enter__(self) -> "Wire":
        for host in (self._nvidia, self._store):
            threading.Thread(
                target=host.serve_forever, args=(0.02,), name="wire", daemon=True
            ).start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.closing.set()
        for host in (self._nvidia, self._store):
            host.shutdown()
            host.hang_up()
            host.server_close()
        if self.errors and kind is None:
            raise self.errors[0]

    def asked(self, route: str) -> list[Seen]:
        """Return the requests of one route, in the order of their arrival."""
        return [seen for seen in list(self.seen) if seen.route == route]

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> bool:
        """Wait until the condition holds, at most `seconds`; return whether it holds."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        return bool(condition())

    def play(self, exchange: Exchange) -> None:
        """Record a request and answer it: by the script, or as its route does."""
        with self._lock:
            self.seen.append(exchange.seen)
            script = (
                self.script if exchange.seen.route == "chat" else self.scripts[exchange.seen.route]
            )
            reply = script.popleft() if script else exchange.usual
        try:
            reply(exchange)
        except Refusal as refusal:
            refusal.reply(exchange)

    def default(self, exchange: Exchange) -> None:
        """Answer a chat request as the real service would, in the order of its checks."""
        seen = exchange.seen
        model = wire_questions.model_of(seen, self.models)
        self.authorise(exchange)
        wire_questions.check_poll_header(seen)
        with self._lock:
            assets = wire_questions.referenced(seen, self.assets)
        question = wire_questions.read(seen, model, assets)
        wire_answers.answer(question, self, seen.headers.get("Accept", ""))(exchange)

    def authorise(self, exchange: Exchange) -> None:
        """Refuse a missing or wrong key."""
        token = exchange.seen.token
        if bool(token) if self.keys is None else (token or "") in self.keys:
            return
        raise Refusal(problems["401 no header" if token is None else "401 bad key"])

    def enqueue(self, exchange: Exchange, polls: int, then: Reply) -> str:
        """Keep an answer for later; return the id to ask for it."""
        id = str(uuid4())
        with self._lock:
            self._jobs[id] = _Job(exchange.seen, polls, then)
        return id

    def poll(self, exchange: Exchange, id: str) -> None:
        """Answer a poll for a job: not yet, the answer, or 404 when it is unknown or was fetched."""
        self.authorise(exchange)
        with self._lock:
            job = self._jobs.get(id)
            ready = job and job.polls <= 0
            if ready:
                del self._jobs[id]
            elif job:
                job.polls -= 1
        if ready:
            exchange.seen = job.asked
            return job.then(exchange)
        pending_still = {"nvcf-reqid": id, "nvcf-status": "in-progress"}
        (status(202, headers=pending_still) if job else problems["404 status"])(exchange)

    def sign(self, path: str, headers: str = "host") -> str:
        """Return a URL in the object store that works without a key."""
        return self._store.sign(path, headers)

    def store(self, data: bytes) -> str:
        """Put a result into the object store; return its signed URL."""
        return self._store.keep(data)

    def lost(self, exchange: Exchange) -> None:
        """Count a client that left too early."""
        with self._lock:
            self.disconnects += not self.closing.is_set()
