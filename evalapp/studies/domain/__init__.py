"""A study's question in the visitor's language."""
