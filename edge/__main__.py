"""`python -m edge` is `emotion-edge`."""

import sys

from edge.cli import main

if __name__ == "__main__":
    sys.exit(main())
