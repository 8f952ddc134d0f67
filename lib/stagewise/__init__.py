"""Stage-wise learning: local learning coefficients, essential dynamics, forms and stages.

The names that an outside user needs are listed in ``__init__.pyi``; each is loaded when it is first
used, so importing the package costs nothing. The rooms, from the ground up; each imports only those
before it:

core
    What everything else is made of: streams, replicas, updates, training, schedules, curvature.
stores
    Files: written whole or not at all, sure of whose they are, and of one stated layout.
llc
    The local learning coefficient: posterior, samplers, estimate, verdicts, calibration.
development
    How a network develops: essential dynamics, forms, the LLC over training, stages.
exact
    Where the answer is known: coefficients, reference models, Hamiltonian Monte Carlo.
plots, claims
    What figures share, and what the checks of claims share.
studies
    One folder a study: settings, task, model, measures, figures, claims.
workflow
    What Snakemake alone needs: configuration, runs, code identities, costs, report.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
