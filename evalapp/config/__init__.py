"""The project: settings, addresses and processes. Nothing imports it but the processes themselves."""
