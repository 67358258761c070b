"""Define the errors for a picture that gives no table."""


class CannotRead(ValueError):
    """A picture gives no table; the message says why, as a phrase."""


class TicksInDoubt(CannotRead):
    """The labels below a plot do not fit together: one may have been missed or misread."""


class PrintInDoubt(CannotRead):
    """A label may have been missed or misread: reading the print again, enlarged, may help."""
