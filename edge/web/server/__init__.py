"""The HTTP server: requests received by one thread, answered by a few."""
