"""What is measured, and is too much for every run of the tests."""
