"""Every known error body of NVIDIA's hosts, by name, and those that depend on a request."""

import json
from uuid import uuid4

from tests.support.wire.replies import Reply, status

PROBLEM = "application/problem+json"
FUNCTION = "6018fed7-f227-48dc-99bc-3fd4264d5037"
ACCOUNT = "0123456789-account"


class Refusal(Exception):
    """A request that the service would not accept, with the reply that says so."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def problem(
    code: int,
    title: str,
    detail: str = "",
    kind: str = "",
    retry_after: int | None = None,
    **more: str,
) -> Reply:
    """Return a problem document; without a `type` in the short form of the invocation service."""
    body = {"type": kind} if kind else {}
    body |= {"title": title, "status": code} | ({"detail": detail} if detail else {}) | more
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return status(code, json.dumps(body).encode(), PROBLEM if kind else "application/json", headers)


def openai(
    code: int, message: str, kind: str = "invalid_request_error", name: str | int | None = None
) -> Reply:
    """Return an error object in OpenAI's form."""
    return status(code, {"error": {"message": message, "type": kind, "param": None, "code": name}})


def unprocessable(detail: str) -> Reply:
    """Return the 422 of the worker."""
    return problem(
        422,
        "Unprocessable Entity",
        detail,
        "urn:nvcf-worker-service:problem-details:unprocessable-entity",
        instance=f"/v2/nvcf/pexec/functions/{FUNCTION}",
        requestId=str(uuid4()),
    )


def no_function(id: str = FUNCTION) -> Reply:
    """Return the 404 of a model that was withdrawn."""
    return problem(404, "Not Found", f"Function '{id}': Not found for account '{ACCOUNT}'")


def no_asset(id: str) -> Reply:
    """Return the 404 of an invocation with an asset that is not there."""
    return problem(404, "Not Found", f"NotFound error: failed to find asset {id}")


_ID = "11111111-2222-4333-8444-555555555555"
_GONE = "has reached its end of life on 2026-05-18T00:00:00Z and is no longer available."
_HTML = (
    "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
)

problems: dict[str, Reply] = {
    "400 openai": openai(400, "model field is required", name="missing_required_field"),
    "400 too large": openai(
        400,
        "Please make sure your payload is below 26214400 bytes in size. "
        "If larger assets are required please refer to our Assets API.",
        name="invalid_image_format",
    ),
    "400 poll seconds": problem(400, "Bad Request", "NVCF-POLL-SECONDS must be <= 3600"),
    "401 no header": status(401, "Header of type `authorization` was missing"),
    "401 bad key": problem(401, "Unauthorized", "Authentication failed"),
    "402": status(402, {"detail": "You have reached your limit of credits."}),
    "403": problem(403, "Forbidden", "Authorization failed"),
    "404 function": no_function(),
    "404 function id": problem(
        404,
        "Not Found",
        f"Function id '{FUNCTION}' version 'null': Specified function in account '{ACCOUNT}' is not found",
    ),
    "404 asset": no_asset(_ID),
    "404 status": problem(404, "Not Found"),
    "404 text": status(404, "404 page not found\n"),
    "404 openai": openai(404, "Model not found", "Not Found", 404),
    "410 integrate": problem(410, "Gone", f"The model 'z-ai/glm4.7' {_GONE}", "about:blank"),
    "410 path": problem(410, "Gone", f"This endpoint {_GONE}", "about:blank"),
    "422 nvcf": unprocessable("Input should be a valid picture"),
    "422 pydantic": status(
        422,
        {
            "detail": [
                {
                    "loc": ["body", "temperature"],
                    "msg": "Input should be less than or equal to 1",
                    "type": "le",
                }
            ]
        },
    ),
    "429": problem(429, "Too Many Requests"),
    "429 retry after": problem(429, "Too Many Requests", retry_after=1),
    "500": problem(
        500,
        "Internal Server Error",
        "Internal error while making inference request",
        "urn:nvcf-worker-service:problem-details:internal-server-error",
    ),
    "500 text": status(500, "invalid character 'x' looking for beginning of value\n"),
    "502": problem(502, "Bad Gateway", "Upstream request failed.", "about:blank"),
    "503 offline": problem(
        503,
        "Service Unavailable",
        "The model is offline for maintenance.",
        "about:blank",
        retry_after=10800,
    ),
    "503 exhausted": problem(
        503,
        "Service Unavailable",
        "ResourceExhausted: Worker local total request limit reached (32/32)",
    ),
    "504 empty": status(504, headers={"nvcf-reqid": _ID}),
    "504 status": problem(504, "Gateway Timeout", "worker did not acknowledge the status request."),
    "529": problem(529, "Site Overloaded"),
    "html 502": status(502, _HTML.format("502 Bad Gateway"), "text/html"),
    "html 200": status(200, _HTML.format("Welcome to this hotel's network"), "text/html"),
    "model error": problem(
        400, "Bad Request", "Inference error", "urn:inference-service:problem-details:bad-request"
    ),
}
