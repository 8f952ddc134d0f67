"""In what networks multiply. Light: the configuration is made of it."""

from __future__ import annotations

from typing import Literal

Precision = Literal["float32", "tf32", "bf16"]
"""float32: in full, as on a CPU. tf32: factors of 10 bits on a GPU, sums in float32; the same as float32
elsewhere. bf16: products and activations of 7 bits (autocast), parameters and updates in float32."""
