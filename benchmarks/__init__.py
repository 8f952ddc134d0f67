"""Measurements of speed, run by hand from the project's folder, with the package that lies there."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))
