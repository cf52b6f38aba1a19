"""Keys under which the board stores what has no name of its own."""

NO_CATEGORY = "(none)"
