"""Reads the faces in image and video files, and writes what was read."""
