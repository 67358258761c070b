"""Define the error for a picture that gives no table."""


class CannotRead(ValueError):
    """A picture gives no table; the message says why, as a phrase."""
