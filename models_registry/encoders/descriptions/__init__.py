"""Encoders without weights: colours and texture, which networks that name things see least of."""
