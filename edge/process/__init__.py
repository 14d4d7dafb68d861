"""The process: its standard streams, signals, threads and memory."""
