"""In-context linear regression: task, network, what is measured on it."""
