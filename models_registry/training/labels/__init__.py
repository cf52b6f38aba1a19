"""Learning from labels: data, losses, validation, and the recipes."""
