"""Multi-component learning and S-curves: tasks, gradient descent, its flow, and measures of curves."""
