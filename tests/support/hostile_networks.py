"""Faults on the way to a server: its name, port and certificate, and addresses that must not be called."""

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

from tests.support.broken_replies import head, moved, whole
from tests.support.question_outcome import (
    FLORENCE,
    KEY,
    LLAMA,
    QUICK,
    Outcome,
    asked,
    in_parallel,
    one_sentence,
)
from tests.support.wire import Wire, status
from vlm_backends import NVIDIA, CancelToken, OpenAI, VLMError
from vlm_backends.engines import fetch
from vlm_backends.engines.http.client import RequestPolicy, send
from vlm_backends.engines.nvidia.api import NvidiaApi

ANSWER = head(length=len(whole())) + whole()
PRIVATE = (
    "http://127.0.0.1:{0}/x", "http://localhost:{0}/x", "http://[::ffff:127.0.0.1]:{0}/x", "http://[::1]:{0}/x",
    "http://0.0.0.0:{0}/x", "http://127.1:{0}/x", "http://2130706433:{0}/x", "http://0x7f000001:{0}/x",
    "http://017700000001:{0}/x", "http://user@127.0.0.1:{0}/x", "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:169.254.169.254]/latest", "http://10.0.0.1/x", "http://192.168.0.1/x", "http://100.64.0.1/x",
    "http://[fe80::1]/x", "http://[fd00::1]/x", "https://127.0.0.1:{0}/x", "file:///etc/passwd", "ftp://127.0.0.1:{0}/x",
)  # fmt: skip


class Outside(NVIDIA):
    """NVIDIA's host, played on this machine, but treated as a public one."""

    @property
    def _api(self) -> NvidiaApi:
        return _PublicApi(*vars(super()._api).values())


class _PublicApi(NvidiaApi):
    @property
    def is_public(self) -> bool:
        return True


class Listener:
    """A port of this machine; `received` is all that was said to it, once a certificate, if it has one, was accepted."""

    def __init__(
        self, serve: Callable[[socket.socket], None], context: ssl.SSLContext | None = None
    ) -> None:
        self._serve, self._context, self.received = serve, context, b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]

    def __enter__(self) -> "Listener":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with suppress(OSError), connection:
                    connection.settimeout(5)
                    if self._context:
                        connection = self._context.wrap_socket(connection, server_side=True)
                    self._serve(self, connection)


def replies(listener: Listener, connection: socket.socket) -> None:
    """Read a request, and answer it."""
    said = b""
    while b"\r\n\r\n" not in said:
        if not (piece := connection.recv(65536)):
            return
        said += piece
    listener.received += said
    connection.sendall(ANSWER)


def stays(listener: Listener, connection: socket.socket) -> None:
    """Stay silent until the caller leaves."""
    while said := connection.recv(65536):
        listener.received += said


def bad_certificates() -> Iterator[tuple]:
    """Yield bad certificates at the first host, the asset store and the result store, and a good one as control."""
    ours, other, past = trustme.CA(), trustme.CA(), datetime.now(timezone.utc) - timedelta(days=30)
    made = {
        "self-signed": other.issue_cert("localhost"), "for another host": ours.issue_cert("elsewhere.example"),
        "expired": ours.issue_cert("localhost", not_before=past, not_after=past + timedelta(days=1)), "absent": None,
        "good": ours.issue_cert("localhost"),
    }  # fmt: skip
    with TemporaryDirectory() as folder:
        ours.cert_pem.write_to_path(trusted := str(Path(folder) / "ca.pem"))
        with _environment(REQUESTS_CA_BUNDLE=trusted):
            for name, certificate in made.items():
                yield from _unsafe(name, certificate)


def _unsafe(name: str, certificate: trustme.LeafCert | None) -> Iterator[tuple]:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    for stage in ("the host", "its server", "an upload", "a result"):
        with Listener(replies, context) as listener, Wire() as wire:
            url = f"https://localhost:{listener.port}"
            outcome = _sent_to(url, stage, wire)
            good = outcome.answered if stage != "an upload" else b"PUT" in listener.received
            wrong = (
                []
                if (good if name == "good" else one_sentence(outcome.sentence))
                else [f"{outcome}"]
            )
            wrong += (
                ["it was asked"] if listener.received and name not in ("good", "absent") else []
            )
            wrong += ["an asset is left"] if wire.assets else []
            wrong += (
                ["it got the key"]
                if stage.startswith("a") and KEY.encode() in listener.received
                else []
            )
            yield (stage, name), wrong


def _sent_to(url: str, stage: str, wire: Wire, kind: type[NVIDIA] = NVIDIA) -> Outcome:
    if stage == "an upload":
        id = "00000000-0000-4000-8000-000000000000"
        wire.scripts["announce"].extend([status(200, {"assetId": id, "uploadUrl": url})] * 2)
        return asked(kind(KEY, wire.url, QUICK), FLORENCE)
    if stage == "a result":
        wire.script.extend([moved(url)] * 2)
        return asked(kind(KEY, wire.url, QUICK), LLAMA)
    return asked(OpenAI(url, KEY, QUICK) if stage == "its server" else kind(KEY, url, QUICK), LLAMA)


def unreachable_servers() -> Iterator[tuple]:
    """Yield an unknown name, a closed port, a silent server; and one that reads slowly, which is no fault."""
    with Listener(stays) as silent:
        urls = (
            "http://no-such-host.invalid",
            "http://127.0.0.1:9",
            f"https://localhost:{silent.port}",
        )
        yield from in_parallel(
            list(product(("the host", "its server", "an upload", "a result"), urls)), _unreached
        )
    with Listener(_reads_slowly) as slow:
        policy = RequestPolicy(connect_timeout=0.2, idle_timeout=30, max_attempts=1)
        with send(
            "PUT", f"http://127.0.0.1:{slow.port}/", CancelToken(), policy, data=b"x" * 8_000_000
        ) as response:
            yield (
                ("an upload", "slow"),
                [] if response.status_code == 200 else [f"{response.status_code}"],
            )


def _unreached(case: tuple[str, str]) -> list[str]:
    stage, url = case
    with Wire() as wire:
        outcome = _sent_to(url, stage, wire)
        return [] if one_sentence(outcome.sentence) and not wire.assets else [f"{outcome}"]


def _reads_slowly(listener: Listener, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    left = 8_000_000
    while left > 0:
        threading.Event().wait(0.002)
        left -= len(connection.recv(65536))
    connection.sendall(ANSWER)


def private_addresses() -> Iterator[tuple]:
    """Yield private addresses that a public host gives for an asset, for a result, and in a foreign URL."""
    with Listener(replies) as canary, Wire() as wire:
        for url in (address.format(canary.port) for address in PRIVATE):
            for stage in ("an upload", "a result"):
                outcome = _sent_to(url, stage, wire, Outside)
                wire.script.clear()
                yield (
                    (stage, url),
                    []
                    if one_sentence(outcome.sentence) and not canary.received
                    else [f"{outcome}"],
                )
            try:
                fetch(url, CancelToken())
                yield ("a picture", url), ["it was fetched"]
            except VLMError as error:
                yield (
                    ("a picture", url),
                    [] if one_sentence(str(error)) and not canary.received else [str(error)],
                )
        inside = _sent_to(f"http://127.0.0.1:{canary.port}", "a result", wire)
        yield (
            "a host in the private network may",
            [] if inside.answered and KEY.encode() not in canary.received else ["no"],
        )


@contextmanager
def _environment(**settings: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
