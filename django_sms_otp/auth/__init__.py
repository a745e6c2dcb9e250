"""Whose number it is, and what a login yields."""
