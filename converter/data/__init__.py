"""Reads labelled faces from files and folders, cleans them and counts them."""
