"""Search: photo in, items out. Indexes, the service that answers from them, feedback and duplicates."""
