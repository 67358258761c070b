"""The base of the engines of tests and benchmarks: available for the whole catalogue, without a key."""

from collections.abc import Iterator, Sequence

from vlm_backends import CATALOGUE, Model, Task
from vlm_backends.engines.base import Capability, Observation, Traits


class FakeEngine:
    """An engine without a key or an address; a subclass adds `name` and `stream`."""

    traits = Traits("builtin")

    def models(self) -> Sequence[Model]:
        """List the whole catalogue."""
        return CATALOGUE

    def capability(self, model: Model, task: Task | None = None) -> Capability:
        """Return the same for every model: ready."""
        return Capability(True, "ready")

    def with_key(self, key: str) -> "FakeEngine":
        """Return this engine: it takes no key."""
        return self

    def probe(self, models: Sequence[Model]) -> Iterator[tuple[Model, Observation | None]]:
        """Yield nothing: there is no address to look at."""
        yield from ()
