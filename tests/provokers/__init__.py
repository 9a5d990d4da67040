"""Functions that bring about the errors of docs/errors.md, each called as its row is, a module a part of the page."""
