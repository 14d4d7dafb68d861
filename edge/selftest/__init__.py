"""The self-test of a device: what a program cannot see is asked of a person."""
