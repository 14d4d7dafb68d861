"""How this process takes memory from the system, so that it does not grow over days.

Frames are made by one thread and freed by another. glibc then keeps a pool ("arena") for each
thread and fills none of them; it also raises the size from which a buffer is mapped by itself, and
given back when freed, to that of the largest one freed so far. Watched by one viewer, the device
took 37 MB more within minutes.
"""

from __future__ import annotations

import ctypes

# mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# A frame of 640x480 has 900 KB. Mapping what is smaller too costs 1.5 ms of page faults a frame.
_MAPPED_FROM_BYTES = 512 * 1024
_KEPT_BYTES = 4 * 1024 * 1024  # free at the heap's end, rather than asked for again and again


def settle_allocator() -> None:
    """Use one pool for all threads, and map every large buffer by itself; before any thread starts.

    A libc that is not glibc has no such settings, and is left as it is.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
