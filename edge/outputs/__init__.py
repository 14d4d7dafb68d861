"""Outputs: the Sink protocol, and the fan-out that passes reports to every sink."""
