from .essential_dynamics import smooth as smooth
from .forms import detect_forms as detect_forms
from .llc_curve import fit_llc_curve as fit_llc_curve
from .settings import FormSettings as FormSettings
from .settings import StageSettings as StageSettings
from .stages import find_stages as find_stages
