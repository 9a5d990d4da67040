"""Causal networks written for other runtimes."""
