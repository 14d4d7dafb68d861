"""The HTTP server: one thread receives requests, a few threads answer them."""
