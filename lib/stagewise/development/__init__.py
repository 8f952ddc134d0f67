"""How a network develops: essential dynamics, forms, the LLC over training, stages."""
