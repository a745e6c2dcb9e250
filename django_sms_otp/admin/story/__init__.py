"""A person's story: one page that says why a number got no code, and what may be done."""
