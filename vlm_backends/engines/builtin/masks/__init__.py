"""Cut things out of pictures: people by a network, others by colours and edges; each is judged."""

from vlm_backends.engines.builtin.masks.cutting import CLEAN, Cut, cut_box
from vlm_backends.engines.builtin.masks.pointing import cut_at

__all__ = ["CLEAN", "Cut", "cut_at", "cut_box"]
