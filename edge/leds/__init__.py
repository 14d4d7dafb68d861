"""LEDs and the button: what they show, on which pins, and their mirror in a terminal."""
