"""Hooks: a command or an HTTP POST of the maker's when the mood changes or a face appears."""
