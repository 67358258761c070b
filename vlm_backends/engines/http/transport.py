"""Open sockets that shut on cancellation, close when idle and avoid private hosts."""

import http.client
import io
import ipaddress
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from vlm_backends.concurrency import CancelToken

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # holds an IPv4 address
_UNICAST = ipaddress.ip_network("2000::/3")  # the only IPv6 addresses of public hosts so far


def is_private(host: str) -> bool:
    """Return True for an IP address that is not public; False for a name.

    Of an IPv6 address that holds an IPv4 one, that one counts: versions of Python differ in whether
    the outer one is public.
    """
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    is_unicast = address.version == 4 or address in _UNICAST
    return not (is_unicast and address.is_global) or address.is_multicast


def is_public(host: str) -> bool:
    """Return False for a host in a private network; True when its name cannot be looked up here."""
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(host, None)
        return not all(is_private(str(entry[4][0])) for entry in found)
    return True


@dataclass
class IdleDeadline:
    """Limits how many seconds a connection is read without progress.

    Progress resets it; single bytes do not, since one byte a minute would keep a connection open
    forever.
    """

    seconds: float
    due: float = field(default=0.0, init=False)  # on the monotonic clock
    sock: socket.socket | None = field(default=None, init=False)  # the one that is read

    def reset(self) -> None:
        """Restart the time limit, because useful data has arrived."""
        self.due = time.monotonic() + self.seconds

    def finish(self, seconds: float) -> None:
        """Read for so many seconds at most, because all that was asked for has arrived."""
        self.seconds = min(self.seconds, seconds)
        self.reset()
        if self.sock:
            with suppress(OSError):  # the server may have closed it already
                self.sock.settimeout(self.seconds)


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until its deadline."""

    def __init__(self, raw: io.RawIOBase, deadline: IdleDeadline) -> None:
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._deadline.due:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class CancellableAdapter(HTTPAdapter):
    """Shuts its connections on cancellation, so that a read in another thread ends at once.

    With `public`, connects to public addresses only.
    """

    def __init__(self, cancel: CancelToken, deadline: IdleDeadline, public: bool) -> None:
        self._unregister: list[Callable[[], None]] = []
        self._pools = {
            scheme: _pool_class(pool, cancel, self._unregister, deadline, public)
            for scheme, pool in (("http", HTTPConnectionPool), ("https", HTTPSConnectionPool))
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool manager with pools whose connections can be cancelled."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def close(self) -> None:
        """Close the pools and take their callbacks from the token, which may live much longer."""
        super().close()
        for unregister in self._unregister:
            unregister()

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.PoolManager:
        """Create the manager for a proxy, with the same pools."""
        manager = cast(urllib3.PoolManager, super().proxy_manager_for(proxy, **kwargs))
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pool_class(
    pool: type[HTTPConnectionPool],
    cancel: CancelToken,
    unregister: list[Callable[[], None]],
    deadline: IdleDeadline,
    public: bool,
) -> type[HTTPConnectionPool]:
    """Return the pool class with connections that obey the token, the deadline and `public`."""

    class Response(http.client.HTTPResponse):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            deadline.reset()
            self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), deadline))

    base: Any = pool.ConnectionCls

    class Connection(base):
        response_class = Response

        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            if public and not self.proxy and is_private(sock.getpeername()[0]):
                sock.close()  # before anything was sent
                raise urllib3.exceptions.NewConnectionError(self, "not a public address")
            return sock

        def connect(self) -> None:
            super().connect()
            # without this, a large body would have to be sent within the time for connecting
            self.sock.settimeout(deadline.seconds)
            deadline.sock = self.sock
            unregister.append(cancel.add_callback(lambda sock=self.sock: _shut(sock)))

    return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # it may be closed already
        sock.shutdown(socket.SHUT_RDWR)
