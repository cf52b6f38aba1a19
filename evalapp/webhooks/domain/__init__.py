"""Which addresses may be called, and the names of events."""
