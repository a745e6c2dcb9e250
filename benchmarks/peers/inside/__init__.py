"""What runs in a process and an environment of each contestant's own, and measures there."""
