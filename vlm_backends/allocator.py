"""What a process that looks at many pictures asks of its allocator."""

import ctypes
from contextlib import suppress

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # of glibc's <malloc.h>


def frugal() -> None:
    """Has large blocks given back to the system when they are freed: by its own rule glibc keeps them, a heap a thread.

    Without it a page that reads one picture after the other grows by gigabytes. Other C libraries are left alone.
    """
    with suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, 2)
        libc.mallopt(_MMAP_THRESHOLD, 2**20)
