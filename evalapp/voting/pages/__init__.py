"""The play page, and operators' pages of voters and imports."""
