"""What a login yields, one kind a module. ``auth.tokens`` has their public names."""
