"""One file per family of encoders; `models_registry.registry` finds them by name."""
