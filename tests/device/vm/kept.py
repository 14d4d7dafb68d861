"""What a device must keep over a power cut: its access code, its logins and its history."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse

from pi import STATE, Pi

DATABASE = f"{STATE}/history.sqlite3"
_PATIENCE_S = 60
# The service writes while this reads: the write-ahead log is read as well.
_ROWS = """
import json, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=20)
print(json.dumps([db.execute("PRAGMA integrity_check").fetchone()[0],
    db.execute("SELECT start_s, watched_s, face_s FROM minutes ORDER BY start_s").fetchall()]))
"""


class Kept:
    """The code, a login that goes on, one that has ended, and the minutes on disk."""

    def __init__(self, pi: Pi) -> None:
        """Log in twice and out once."""
        self.code = pi.kept["code"] = pi.code
        self._pi = pi
        self._going_on, self._ended = self._log_in(), self._log_in()
        status, _ = self._request("POST", "/logout", self._ended)
        assert status in (200, 303), status
        self.minutes = minutes(pi)

    def look(self) -> None:
        """Read the minutes that are on disk now: none of them may be missing later."""
        self.minutes = minutes(self._pi)

    def assert_is_there(self) -> None:
        """Raise AssertionError when something is not as it was."""
        pi = self._pi
        assert pi.code == self.code
        assert self._status(self._going_on) == 200
        assert self._status(self._ended) == 401
        now = minutes(pi)
        missing = [row for row in self.minutes if row not in now and row != self.minutes[-1]]
        assert not missing, f"{missing} of {self.minutes}"
        files = pi.shell(f"ls -A {STATE}").split()
        assert not [name for name in files if "damaged" in name], files
        journal = pi.journal()
        assert "Traceback" not in journal, journal
        self.minutes = now

    def _log_in(self) -> str:
        """Return the cookie of a new login."""
        body = urllib.parse.urlencode({"code": self.code})
        status, cookie = self._request("POST", "/login", body=body)
        assert status == 303, status
        return cookie.partition(";")[0]

    def _status(self, cookie: str) -> int:
        return self._request("GET", "/api/status", cookie)[0]

    def _request(
        self, method: str, path: str, cookie: str = "", body: str | None = None
    ) -> tuple[int, str]:
        """Return the status and the cookie that is set."""
        host = f"127.0.0.1:{self._pi.machine.port}"
        headers = {"Cookie": cookie, "X-Emotion-Edge": "1", "Origin": f"http://{host}"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(host, timeout=_PATIENCE_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Set-Cookie") or ""
        finally:
            connection.close()


def minutes(pi: Pi) -> list[list[object]]:
    """Return the history's rows. Raises AssertionError when the database is damaged."""
    if pi.system.run("test", "-e", DATABASE).returncode:
        return []
    run = pi.system.run("python3", "-c", _ROWS, DATABASE)
    assert run.returncode == 0, run.stdout
    verdict, rows = json.loads(run.stdout)
    assert verdict == "ok", verdict
    return list(rows)


def wait_for_minute(pi: Pi) -> None:
    """Wait until the machine's clock is about to begin a minute: the history is written then."""
    second = int(pi.shell("date +%S"))
    time.sleep(max(60 - second - 2, 0))
