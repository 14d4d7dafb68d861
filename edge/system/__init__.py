"""What the device owes the machine it runs on."""
