from .essential_dynamics import smooth as smooth
from .forms import FormSettings as FormSettings
from .forms import detect_forms as detect_forms
from .llc_curve import StageSettings as StageSettings
from .llc_curve import fit_llc_curve as fit_llc_curve
from .stages import find_stages as find_stages
