"""Studies over HTTP: what visitors may know, and what operators may do."""
