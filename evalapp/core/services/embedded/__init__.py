"""Services that run beside the product when nothing else is configured: PostgreSQL, workers, the secret key."""
