"""Measures a site from within: runs in a process of the site, in its environment."""
