"""Causal networks on video as its frames arrive."""
