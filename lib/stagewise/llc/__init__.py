"""The local learning coefficient: posterior, samplers, estimate, diagnostics, calibration."""
