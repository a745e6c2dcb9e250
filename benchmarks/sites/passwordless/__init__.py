"""drfpasswordless as it comes: its own views, REST framework's tokens."""
