"""Damaged and hostile files, given to every reader of files."""
