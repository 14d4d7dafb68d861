"""Configures the memory allocator so that the process does not grow over days.

One thread allocates frames and another frees them. glibc then keeps a pool ("arena") for each
thread. It also raises the size from which a buffer is mapped separately, and returned to the system
when freed, to the largest size freed so far. With one viewer, the device grew by 37 MB in minutes.

In one pool, a small buffer that stays keeps all that is free below it. Such steps of up to 3 MB
look like a leak for an hour, so the free pages are returned once a minute.
"""

from __future__ import annotations

import ctypes
import threading

# mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# A frame of 640x480 has 900 KB. Mapping smaller buffers, too, costs 1.5 ms of page faults a frame.
_MAPPED_FROM_BYTES = 512 * 1024
_KEPT_BYTES = 4 * 1024 * 1024  # kept free at the end of the heap, to save system calls
_RETURNED_EACH_S = 60.0


def settle_allocator() -> None:
    """Use one pool for all threads and map large buffers separately; call before threads start.

    Another libc than glibc has no such settings and is left unchanged.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def return_free_pages(over: threading.Event, each_s: float = _RETURNED_EACH_S) -> None:
    """Return the pages of freed buffers to the system once a minute, until `over` is set.

    Another libc than glibc does so by itself, or cannot.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None and not over.wait(each_s):
        trim(ctypes.c_size_t(_KEPT_BYTES))
