"""The login pages, as a browser without JavaScript uses them."""
