"""Claims: the ledger, the evidence that checks look at, and words that they share."""
