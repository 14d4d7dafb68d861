"""Where the reports go: LEDs now, brokers and metrics beside them."""
