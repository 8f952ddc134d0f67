from .hmc import sample_hmc as sample_hmc
from .settings import HMCConfig as HMCConfig
