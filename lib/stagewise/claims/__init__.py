"""Claims: how checks are registered, what they return, and words and evidence that they share."""
