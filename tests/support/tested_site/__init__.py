"""A site with tests of its own, which our tests run as processes: with pytest and without."""
