"""What is measured on models and results: cost, memory, causality, hidden-state statistics."""
