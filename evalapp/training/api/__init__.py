"""Training runs and schedules over HTTP, for operators."""
