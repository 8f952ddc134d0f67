"""Attention-only language models: text, tokens, network, and what the network does and is."""
