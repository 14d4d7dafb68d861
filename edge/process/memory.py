"""Configures the memory allocator so that the process does not grow over days.

One thread allocates frames and another frees them. glibc then keeps a pool ("arena") for each
thread. It also raises the size from which a buffer is mapped separately, and returned to the system
when freed, to the largest size freed so far. With one viewer, the device grew by 37 MB in minutes.
"""

from __future__ import annotations

import ctypes

# mallopt(3), from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Every image, tensor and JPEG is mapped. In the heap each rare burst of viewers would place some
# between small objects that stay, and the process would grow by steps of 2 MB for an hour. The page
# faults, 8,000 a second with viewers, take at most 0.2 ms of the 6 ms of a frame with two faces.
_MAPPED_FROM_BYTES = 64 * 1024
_KEPT_BYTES = 1024 * 1024  # free at the end of the heap, for the small objects of a frame


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
