"""How garments are cut: every category is a function from a garment to the pieces it is sewn from."""
