"""Where labelled faces come from: files and folders read, cleaned and counted."""
