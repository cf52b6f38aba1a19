"""The ledger of long work, and the services that a machine without any brings up itself."""
