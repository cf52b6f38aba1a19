"""Where runs get what they learn from: one module for labels, one for votes, each with the same three functions."""
