"""The exception tree of the desktop package. One line each: what, which value, where, what to do.

ConverterError                     exit 1
├── UsageError       (ValueError)  exit 2: a command line that is not valid
├── CheckpointError  (ValueError)          float weights that are missing, damaged or of another net
├── DataError        (ValueError)          samples that are missing or not in a known layout
├── ConversionError  (RuntimeError)        a converted network that is not valid
└── OutputError      (OSError)             a file that cannot be written
"""


class ConverterError(Exception):
    """Root of the tree; `exit_code` is the exit code of a command that raises it."""

    exit_code = 1


class UsageError(ConverterError, ValueError):
    """The command line is not valid."""

    exit_code = 2


class CheckpointError(ConverterError, ValueError):
    """Float weights that are missing, damaged or of another network."""


class DataError(ConverterError, ValueError):
    """A dataset that is missing or not in a known layout."""


class ConversionError(ConverterError, RuntimeError):
    """A converted network is not valid."""


class OutputError(ConverterError, OSError):
    """A file that cannot be written."""
