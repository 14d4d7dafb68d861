"""From pixels to smoothed expressions."""
