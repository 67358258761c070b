"""The former name of `vlm_backends.media.merging`, kept for scripts that import from it."""

from vlm_backends.media.geometry import corners
from vlm_backends.media.merging import attached, grounded

__all__ = ["attached", "corners", "grounded"]
