"""Where the answer is known: exact coefficients, reference models, a second sampler, the suite.

`sample_hmc` samples the same posterior as the LLC's chains, by another method and without their bias.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
