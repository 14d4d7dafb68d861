"""LEDs and the button: animation, pins, and the display in a terminal."""
