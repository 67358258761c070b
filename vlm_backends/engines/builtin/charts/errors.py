"""Define the errors for a picture that gives no table."""


class CannotRead(ValueError):
    """A picture gives no table; the message says why, as a phrase."""


class OtherKind(CannotRead):
    """A reader of one kind of chart saw nothing that is surely of this kind."""


class AxesInDoubt(CannotRead):
    """A chart has axes, and what they mean is not sure."""


class TicksInDoubt(AxesInDoubt):
    """The labels below a plot do not fit together: one may have been missed or misread."""


class NoTicks(TicksInDoubt, OtherKind):
    """No labels were read below a plot."""


class PrintInDoubt(CannotRead):
    """A label may have been missed or misread: reading the print again, enlarged, may help."""


class LabelsInDoubt(PrintInDoubt):
    """The labels of the categories do not fit the bars: reading them one by one may help."""


class LabelsSlanted(AxesInDoubt):
    """The labels below the plot are slanted, and no marks tell their places."""
