"""The history: expressions summed by the minute, in memory and on disk in SQLite."""
