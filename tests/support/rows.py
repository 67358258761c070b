"""One promise of SECURITY.md and its figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One promise and its figures; `survived` and `lost` add up to `tried`."""

    promise: str
    tried: int
    survived: int
    leaked: int = 0  # secrets, files, sockets or answers that got where they must not
    remark: str = ""  # a measurement, such as the slowest and the largest case

    @property
    def lost(self) -> int:
        """What did not end as promised."""
        return self.tried - self.survived

    @property
    def kept(self) -> bool:
        """True when the promise holds: something was tried, and nothing was lost or leaked."""
        return self.tried > 0 and not self.lost and not self.leaked
