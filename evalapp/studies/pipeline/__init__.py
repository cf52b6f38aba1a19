"""From a draft to pairs, as long work."""
