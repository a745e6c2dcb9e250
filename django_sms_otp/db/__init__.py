"""Read a number's row, decide, replace it in one transaction. The only clever SQL."""
