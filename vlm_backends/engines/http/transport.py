"""The sockets of requests: shut on a stop, given up when they bring nothing of use, kept away from private hosts."""

import http.client
import io
import ipaddress
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from vlm_backends.concurrency import CancelToken

_NAT64, _OWN_NAT64 = map(
    ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")
)  # IPv4 within IPv6


def is_private(host: str) -> bool:
    """True for what is no public address, also when an IPv6 address holds it; False for a name."""
    try:
        address = inner = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    elif address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour or address
    mapped = address.version == 6 and address.ipv4_mapped
    public = (mapped or address.is_global) and inner.is_global
    return not public or address.is_multicast or inner.is_multicast or address in _OWN_NAT64


def is_public(host: str) -> bool:
    """False for a host in a private network; True when its name is not known here."""
    with suppress(OSError, UnicodeError):
        return not all(is_private(found[4][0]) for found in socket.getaddrinfo(host, None))
    return True


@dataclass
class Lease:
    """How long a connection is read: bytes alone prolong nothing, or else one of them a minute would keep it open."""

    seconds: float
    due: float = field(default=0.0, init=False)

    def renew(self) -> None:
        """Something of use has arrived."""
        self.due = time.monotonic() + self.seconds


class _Leased(io.RawIOBase):
    """What a socket gives, until its lease is over."""

    def __init__(self, raw: io.RawIOBase, lease: Lease) -> None:
        self._raw, self._lease = raw, lease

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:
        if time.monotonic() > self._lease.due:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class StoppableAdapter(HTTPAdapter):
    """Shuts its connections down on `stop`, so that a read in another thread ends at once."""

    def __init__(self, stop: CancelToken, lease: Lease, public: bool) -> None:
        self._forgets: list[Callable[[], None]] = []
        self._pools = {
            "http": _stoppable(HTTPConnectionPool, stop, self._forgets, lease, public),
            "https": _stoppable(HTTPSConnectionPool, stop, self._forgets, lease, public),
        }
        super().__init__()

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        """Pools whose connections can be stopped."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def close(self) -> None:
        """Closes the pools; the stop, which may be that of a million questions, keeps nothing of them."""
        super().close()
        for forget in self._forgets:
            forget()

    def proxy_manager_for(self, proxy: str, **kwargs: object) -> urllib3.PoolManager:
        """The same by way of a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _stoppable(
    pool: type[HTTPConnectionPool],
    stop: CancelToken,
    forgets: list[Callable[[], None]],
    lease: Lease,
    public: bool,
) -> type[HTTPConnectionPool]:
    class Response(http.client.HTTPResponse):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            lease.renew()
            self.fp = io.BufferedReader(_Leased(self.fp.detach(), lease))

    class Connection(pool.ConnectionCls):
        response_class = Response

        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            if public and not self.proxy and is_private(sock.getpeername()[0]):
                sock.close()  # before a word was said
                raise urllib3.exceptions.NewConnectionError(self, "not a public address")
            return sock

        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(
                lease.seconds
            )  # or else a large body would have to be sent while one connects
            forgets.append(stop.add_callback(lambda sock=self.sock: _shut(sock)))

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        sock.shutdown(socket.SHUT_RDWR)
