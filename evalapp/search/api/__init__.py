"""Search over HTTP, for visitors of public indexes and for operators."""
