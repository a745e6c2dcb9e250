"""A worker process of each engine, and a gateway that can be told to fail."""
