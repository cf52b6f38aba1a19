"""Sufficient statistics of votes: what is added up, per contender, voter and published design."""
