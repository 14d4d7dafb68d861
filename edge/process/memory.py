"""Configures the memory allocator so that the process does not grow over days.

One thread allocates frames and another frees them. glibc then keeps a pool ("arena") for each
thread. It also raises the size from which a buffer is mapped separately, and returned to the system
when freed, to the largest size freed so far. With one viewer, the device grew by 37 MB in minutes.
"""

from __future__ import annotations

import ctypes

# mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# A frame of 640x480 has 900 KB. Mapping smaller buffers, too, costs 1.5 ms of page faults a frame.
_MAPPED_FROM_BYTES = 512 * 1024
# Kept free at the end of the heap, where the work on a frame takes and returns up to 2 MB. If more
# were kept, each rare burst of many viewers would stay, and the process grow for half an hour.
_KEPT_BYTES = 2 * 1024 * 1024


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
