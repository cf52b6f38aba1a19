"""Search for visitors; indexes and duplicates for operators."""
