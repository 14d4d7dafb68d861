"""What a process holds after many threads have freed what others made."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

# Threads that make and free buffers of the sizes that frames and crops have; then the pools of
# glibc, which malloc_info(3) lists, and the bytes in them.
_PROGRAM = """
import ctypes, sys, threading
if sys.argv[1] == "settled":
    from edge.process.memory import settle_allocator
    settle_allocator()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
barrier = threading.Barrier(4)
def work():
    barrier.wait()
    for _ in range(50):
        bytearray(100_000), bytearray(900_000)
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


def pools(how: str, path: str) -> int:
    subprocess.run([sys.executable, "-c", _PROGRAM, how, path], check=True, timeout=60)
    with open(path, encoding="utf-8") as info:  # noqa: PTH123 (a name that C was given)
        return info.read().count("<heap nr=")


def test_all_threads_share_one_pool(tmp_path: Path) -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("this libc is not glibc")
    path = str(tmp_path / "info")
    assert pools("as it is", path) > 1
    assert pools("settled", path) == 1
