"""The sums behind the board: accumulated vote by vote, kept as rows."""
