"""Optional apps, each with an extra of its own. Nothing of the main app depends on them."""
