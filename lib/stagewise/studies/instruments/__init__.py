"""The LLC as an instrument: known coefficients, a second sampler, calibrated settings."""
