"""Training as long work: vectors, data sets, the run itself."""
