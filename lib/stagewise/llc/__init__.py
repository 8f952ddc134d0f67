"""The local learning coefficient: posterior, samplers, estimate, diagnostics, calibration.

`estimate_llc` takes any pure loss, `module_loss` and `stack_dataset` make one of a module and a data
set of PyTorch, `judge` says whether to trust an estimate, `sweep` and `ranked_cells` find settings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
