"""The page, the stream and the API."""
