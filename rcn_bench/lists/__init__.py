"""Which videos a data set has: one module a list format, found by itself."""
