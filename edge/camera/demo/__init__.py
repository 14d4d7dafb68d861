"""The scene that stands in for a camera: statistical faces before a drawn background."""
