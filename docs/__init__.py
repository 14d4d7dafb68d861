"""The documents, and generate.py, which writes parts of them."""
