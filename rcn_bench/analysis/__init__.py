"""What is measured on models and results: cost, intervals, hidden-state statistics."""
