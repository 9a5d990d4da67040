"""Training, 2D pretraining and evaluation, each a plain function read from top to bottom."""
