"""What the board says, as values; no database."""
