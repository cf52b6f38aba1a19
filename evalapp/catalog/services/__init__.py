"""Changes of catalogues, flags, triplets, and pictures for visitors."""
