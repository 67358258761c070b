"""Define the errors whose messages are written for users.

VLMError            every message is one or two sentences: what happened, and what to do next
├── MissingKey      this needs a key, or an engine, that is not here
├── BadPrompt       the question, the picture or a parameter cannot be sent as it is
├── Refused         the service answered with an error (status, detail)
├── Gone            the service no longer has this model
└── Unreachable     no answer, or one that broke off or cannot be parsed

Anything else that is raised is a bug and keeps its traceback.
"""


class VLMError(Exception):
    """An error whose message is written for users.

    `retry_delay`: seconds to wait at least before the same request is sent again without asking the
    user; None when it must not be sent again.
    """

    def __init__(self, message: str = "", *, retry_delay: float | None = None) -> None:
        super().__init__(message)
        self.retry_delay = retry_delay


class MissingKey(VLMError):
    """A key, or an engine, is needed that is not here."""


class BadPrompt(VLMError):
    """The question, the picture or a parameter cannot be sent as it is."""


class Refused(VLMError):
    """The service answered with an error status.

    `status` is the HTTP status, `detail` the service's own words, never a key. `retry_after` is how
    many seconds the service asks callers to wait; None when it did not say.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        detail: str = "",
        *,
        retry_after: float | None = None,
        retry_delay: float | None = None,
    ) -> None:
        super().__init__(message, retry_delay=retry_delay)
        self.status, self.detail, self.retry_after = status, detail, retry_after


class Gone(VLMError):
    """The service no longer has this model; asking again will not help.

    `since` is the ISO date of the model's end; empty when the service does not say it.
    """

    def __init__(self, message: str = "", *, since: str = "") -> None:
        super().__init__(message)
        self.since = since


class Unreachable(VLMError):
    """No answer came, or it broke off, or it cannot be parsed."""
