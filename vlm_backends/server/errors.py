"""Write errors as OpenAI's API has them.

They carry what a client of this project needs to raise the same errors again.
"""

import logging

from fastapi.responses import JSONResponse

from vlm_backends.errors import BadPrompt, Gone, MissingKey, Refused, VLMError
from vlm_backends.server.requests import NoSuchModel

NOWHERE = {
    404: "There is nothing at this address. The base address of this server ends in /v1.",
    405: "This address wants another method: POST for /v1/chat/completions, GET for the others.",
}
_FAULT = "This server met a fault; its log says more. Try again, or use another picture."
_log = logging.getLogger(__name__)


class Unauthorized(VLMError):
    """The caller has not sent the server's key."""


_STATUS = {Unauthorized: 401, BadPrompt: 400, NoSuchModel: 404, Gone: 410, MissingKey: 501}
# an upstream's statuses; others, such as a refusal of this server's own key, become 502
_PASSED_ON = 400, 408, 413, 422, 429


async def nowhere(status: int, *_: object) -> JSONResponse:
    """Answer at an address, or a method, that does not exist."""
    return JSONResponse(_error(status, NOWHERE[status]), status)


def refusal(error: Exception) -> JSONResponse:
    """Return an error's status and sentence as a response."""
    status, body = failure(error)
    wait = error.retry_after if isinstance(error, Refused) else None
    return JSONResponse(body, status, {"Retry-After": str(max(1, round(wait)))} if wait else None)


def failure(error: Exception) -> tuple[int, dict]:
    """Return the HTTP status and OpenAI's error object.

    Any other error than VLMError is a bug: it is logged, and its text is not passed on.
    """
    if not isinstance(error, VLMError):
        _log.error("a question met a fault", exc_info=error)
        return 500, _error(500, _FAULT)
    status = next((_STATUS[kind] for kind in _STATUS if isinstance(error, kind)), 502)
    if isinstance(error, Refused) and (error.status in _PASSED_ON or error.status >= 500):
        status = error.status
    body = _error(status, str(error))
    body["error"][
        "vlm"
    ] = {  # OpenAI's API has no field for it, and clients of this project need it
        "kind": type(error).__name__,
        "status": getattr(error, "status", None),
        "since": getattr(error, "since", ""),
    }
    return status, body


def _error(status: int, sentence: str) -> dict:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": sentence, "type": kind, "param": None, "code": status}}
