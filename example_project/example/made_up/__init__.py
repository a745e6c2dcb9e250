"""A month of a site that nobody has: what ``seed_demo`` fills the tables with."""
