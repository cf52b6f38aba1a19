"""Pictures to vectors, and vectors to maps, as long work."""
