"""What the API shares, and the operations of the floor."""
