"""What every engine of a test has: it is there, for the whole catalogue, and takes no key."""

from vlm_backends import CATALOGUE
from vlm_backends.engines.base import Capability, Traits


class FakeEngine:
    """All of an engine but its name and its stream."""

    traits = Traits("builtin")

    def models(self):
        return CATALOGUE

    def capability(self, model, task=None):
        return Capability(True, "ready")

    def with_key(self, key):
        return self

    def probe(self, models):
        return iter(())
