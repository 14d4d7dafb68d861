"""The machine: its board, its power, its service manager, and the checks of the doctor."""
