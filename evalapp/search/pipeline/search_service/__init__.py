"""The process that holds encoders and indexes in memory and answers from them."""
