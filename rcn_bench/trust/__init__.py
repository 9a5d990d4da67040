"""Whether results hold: each number back to what it was computed from, in any folder of results, kept or at work."""
