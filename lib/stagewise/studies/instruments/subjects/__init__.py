"""Models on which calibration is shown to work unattended, a module each with a function `swept`."""
