"""Tokens, slates, rate limits and simulated tastes; no database, no HTTP."""
