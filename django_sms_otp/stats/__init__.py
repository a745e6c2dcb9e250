"""What happened, by hour and region."""
