"""A worker's part in a job."""
