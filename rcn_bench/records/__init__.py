"""What lies on disk: one frozen dataclass for each kind of result file, with its origin."""
