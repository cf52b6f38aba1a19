"""Does a test notice when one thing in the code is broken? `make mutation`."""
