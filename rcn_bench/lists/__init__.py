"""Which videos a data set has: a module a data set or kind of list, each found by itself."""
