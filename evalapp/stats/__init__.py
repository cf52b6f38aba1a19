"""Statistics of the study: pure functions over numbers and arrays, without Django."""
