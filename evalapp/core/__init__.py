"""The small shared floor: errors, API helpers, the Job row, embedded services, serve, demo and doctor."""
