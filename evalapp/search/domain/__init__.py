"""Words, limits and signed questions of search: no database, no HTTP."""
