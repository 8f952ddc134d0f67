"""How a network develops: essential dynamics, forms, the LLC over training, stages.

`find_stages` divides training at the plateaus of the LLC, the module `essential_dynamics` takes a
trajectory in function space apart into principal components, `detect_forms` finds the points about
which it turns.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
