"""What a login by SMS takes at the least: an INSERT, an UPDATE, tokens. No checks at all."""
