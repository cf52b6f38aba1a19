"""Voters, what they were shown and what they said."""
