"""Vision models of the transformers library."""
