"""Models and maps over HTTP."""
