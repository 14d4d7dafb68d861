"""Measures the device without a camera: stages, frame rates, memory, and another program."""
