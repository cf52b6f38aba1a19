"""The tables of an export, their files, and links to them; no database."""
