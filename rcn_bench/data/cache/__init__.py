"""The cache: frames of a split's videos, decoded once and shared by all runs."""
