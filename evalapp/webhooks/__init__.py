"""What happened, told to the operators' own programs."""
