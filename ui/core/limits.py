"""Check the limits of the visitor whom a request comes from; `vlm_backends.ratelimit` counts."""

import ipaddress
from collections.abc import Mapping
from contextlib import AbstractContextManager

from ui.core.gradio_compat import current_request
from vlm_backends.ratelimit import ClientQuota, RateLimiter

ACCOUNT = "account"  # where ASGI's state of a request has the name that the visitor signed in with


def admission(limiter: RateLimiter, owner_pays: bool) -> AbstractContextManager[None]:
    """Return the context to ask one question of the current visitor in.

    Entering it raises Refused at a limit. `owner_pays`: the owner's key pays for the question.
    """
    return limiter.admitted(quota_of(limiter), owner_pays)


def quota_of(limiter: RateLimiter, scope: Mapping | None = None) -> ClientQuota:
    """Return the quota of the visitor of a request, by ASGI's scope.

    Without a scope it is the visitor of the event that Gradio handles now.
    """
    if scope is None and (request := current_request()):
        scope = getattr(request, "request", request).scope
    return limiter.quota(visitor_at(scope, limiter.limits.proxies))


def current_user() -> str:
    """Return the name that the visitor signed in with; empty on a page without accounts."""
    request = current_request()
    scope = getattr(request, "request", request).scope if request else {}
    return str(scope.get("state", {}).get(ACCOUNT, ""))


def visitor_at(scope: Mapping | None, proxies: int) -> str:
    """Return the address that a request counts for; `scope` is ASGI's.

    It is the request's peer, or the peer of the outermost of the `proxies` that the owner trusts:
    entries further left in X-Forwarded-For may be made up by the visitor. An IPv6 address counts as
    its /64 network, since each household has one.
    """
    peer = ((scope or {}).get("client") or ("",))[0]
    lines = [
        value.decode("latin-1")
        for name, value in (scope or {}).get("headers", ())
        if name == b"x-forwarded-for"
    ]
    hops = [hop.strip() for hop in ",".join(lines).split(",")]
    try:
        address = ipaddress.ip_address(hops[-proxies] if 0 < proxies <= len(hops) else peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if not address.ipv4_mapped:
            return str(ipaddress.ip_network((address.packed, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
