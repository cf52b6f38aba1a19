"""What an export is made of, read in an order that does not change."""
