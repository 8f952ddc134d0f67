from .hmc import HMCConfig as HMCConfig
from .hmc import sample_hmc as sample_hmc
