"""Numbers, times, slugs and texts as people write them: read, checked and shown."""
