"""Training runs: labels or votes in, a new encoder out."""
