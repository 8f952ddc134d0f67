"""Draw figures of the language study; written next."""
