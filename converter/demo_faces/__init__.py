"""The average faces of the demo scene, made from labelled faces."""
