"""The floor's pages: jobs, health, the visitor's language."""
