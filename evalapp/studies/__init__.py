"""Studies: the question, its contenders, and the pairs that they nominated."""
