"""From float weights, or a float .tflite, to an int8 .tflite: passes, calibration, report."""
