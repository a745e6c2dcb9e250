"""Counts events by hour and region."""
