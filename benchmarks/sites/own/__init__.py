"""This app with all its default limits on; a proxy in front says who the client is."""
