"""The Sink that tells a command or an address of changes. A thread of its own does the work.

While one event is being told, only the newest further event of each kind waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from edge.datatypes import Report
from edge.errors import OutputError, OutputRetrying
from edge.outputs.hooks.actions import Action
from edge.outputs.hooks.changes import Changes, Event, Kind
from edge.process.threads import start_thread

log = logging.getLogger(__name__)


class Hooks:
    """Carries out the actions for each event of these kinds."""

    name = "hooks"

    def __init__(
        self,
        kinds: Sequence[Kind],
        actions: Sequence[Action],
        debounce_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = kinds
        self._actions = actions
        self._changes = Changes(debounce_s)
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: dict[Kind, Event] = {}
        self._fault = ""
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def show(self, report: Report) -> None:
        """Look for a change; never blocks. Raises OutputRetrying while the last action failed."""
        for event in self._changes.events(report, self._clock()):
            if event.kind in self._kinds:
                self._add(event)
        if self._fault:
            raise OutputRetrying(self._fault)

    def close(self) -> None:
        """End the thread after the present action, which is not waited for."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _add(self, event: Event) -> None:
        with self._changed:
            self._waiting[event.kind] = event
            self._changed.notify_all()
        if self._thread is None:
            self._thread = start_thread("hooks", self._run)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._waiting)
                if self._is_closed:
                    return
                event = self._waiting.pop(next(iter(self._waiting)))
            self._fault = "; ".join(
                filter(None, [_done(action, event) for action in self._actions])
            )


def _done(action: Action, event: Event) -> str:
    """Carry out one action; return why it failed, "" when it did not."""
    try:
        action(event)
    except OutputError as exc:
        return str(exc)
    except Exception:
        log.exception("hooks: an action failed unexpectedly")
        return "an action failed unexpectedly"
    return ""
