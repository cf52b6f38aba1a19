"""The front door, and operators' pages of studies."""
