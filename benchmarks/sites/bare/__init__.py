"""The least that a login by SMS can be: an INSERT, an UPDATE, tokens. No checks at all."""
