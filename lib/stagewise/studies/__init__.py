"""The studies, one folder each: settings, task, model, measures, figures and claims."""
