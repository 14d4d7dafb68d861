"""Reads several files at once, each in a process of its own; the results come in order.

A process writes the records of a file to a temporary file, which the parent reads when its turn
comes: neither waits for the other, and memory does not grow with a video's length.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import multiprocessing
import os
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Self

from edge.analysis.plan import Job
from edge.analysis.tables import Record
from edge.errors import EdgeError, ResourceError
from edge.process.signals import leave

ReadFile = Callable[[Job], Iterator[Record]]
"""Yields a file's records, and raises EdgeError for one that cannot be read."""

_AHEAD = 4  # files for each process whose results may wait for their turn
_LOOK_S = 0.2
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the processes have in common: the number of frames read, and whether to end."""

    frames: Synchronized[int]
    ending: Event


@dataclass(frozen=True, slots=True)
class Spooled:
    """The records of one file, as lines of JSON, and the error that ended them."""

    path: Path
    error: EdgeError | None


class Readers:
    """Processes that read `jobs`, each with the function that `make` returns there."""

    def __init__(
        self,
        make: Callable[[], ReadFile],
        jobs: Sequence[Job],
        count: int,
        advance: Callable[[int], None],
    ) -> None:
        """Start `count` processes; `make` must be picklable. `advance` is told of frames read."""
        context = multiprocessing.get_context("spawn")
        self._shared = Shared(context.Value("q", 0), context.Event())
        self._folder = tempfile.TemporaryDirectory(prefix="emotion-edge-")
        self._pool = ProcessPoolExecutor(
            count, context, initializer=_begin, initargs=(make, self._shared)
        )
        self._most_ahead = _AHEAD * count
        self._waiting = iter(jobs)
        self._begun: deque[Future[Spooled]] = deque()
        self._advance = advance
        self._told = 0

    def __enter__(self) -> Self:
        """Return the readers, which must be left to end the processes."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, each after its current frame, and delete what they wrote."""
        self._shared.ending.set()
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def read(self, job: Job) -> Iterator[Record]:  # noqa: ARG002 (the next one of `jobs`)
        """Yield the records of the next job. Raises what its reading raised, or ResourceError."""
        self._begin_more()
        spooled = self._wait(self._begun.popleft())
        try:
            with spooled.path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        finally:
            spooled.path.unlink()
        if spooled.error:
            raise spooled.error

    def _begin_more(self) -> None:
        ahead = self._most_ahead - len(self._begun)
        for job in itertools.islice(self._waiting, ahead):
            self._begun.append(self._pool.submit(_spool, job, Path(self._folder.name)))

    def _wait(self, future: Future[Spooled]) -> Spooled:
        while True:
            done, _ = wait([future], timeout=_LOOK_S)
            frames = self._shared.frames.value
            self._advance(frames - self._told)
            self._told = frames
            if done:
                break
        try:
            return future.result()
        except BrokenProcessPool as exc:
            raise ResourceError(
                "a process that read files was ended, perhaps for want of memory; use fewer --jobs"
            ) from exc


_read: ReadFile
_shared: Shared


def _begin(make: Callable[[], ReadFile], shared: Shared) -> None:
    """Prepare a process: it ends with its parent, and leaves Ctrl-C to it."""
    global _read, _shared  # a pool passes nothing else on to its work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is None or os.getppid() != parent.pid:
        leave(1)  # it ended before the line above
    _read, _shared = make(), shared


def _spool(job: Job, folder: Path) -> Spooled:
    descriptor, name = tempfile.mkstemp(dir=folder)
    error = None
    with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
        try:
            for record in _read(job):
                print(json.dumps(record), file=lines)
                with _shared.frames.get_lock():
                    _shared.frames.value += 1
                if _shared.ending.is_set():
                    break
        except EdgeError as exc:
            error = exc
    return Spooled(Path(name), error)
