"""Where the answer is known: exact coefficients, reference models, a second sampler, the suite."""
