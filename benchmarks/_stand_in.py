"""What the benchmarks' own engines have in common: they answer for the whole catalogue, at once."""

from collections.abc import Iterator, Sequence

from vlm_backends import CATALOGUE, Model, Task
from vlm_backends.engines.base import Capability, Observation, Traits


class StandInEngine:
    """An engine without a key or an address; a subclass adds `name` and `stream`."""

    traits = Traits("builtin", concurrency=256)

    def models(self) -> Sequence[Model]:
        """List the whole catalogue."""
        return CATALOGUE

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Return the same for every model: ready."""
        return Capability(True, "ready")

    def with_key(self, key: str) -> "StandInEngine":
        """Return this engine: it takes no key."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
        """Yield nothing: there is no address to look at."""
        yield from ()
