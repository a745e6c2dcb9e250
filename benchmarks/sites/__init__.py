"""A small site for each contestant: settings, routes, and how one logs in there."""
