"""What everything else is made of: streams, replicas, updates, training, schedules, curvature."""
