"""What was seen, by the minute: in memory, and on disk in SQLite."""
