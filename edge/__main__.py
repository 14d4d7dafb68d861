"""`python -m edge` is `emotion-edge`."""

import signal
import sys


def main() -> int:
    """Run the command of this process' arguments and return its exit code; see process/entry.py."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # No traceback for a Ctrl-C while the rest is imported.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from edge.process.entry import run  # noqa: PLC0415 (see above)

    return run()


if __name__ == "__main__":
    sys.exit(main())
