"""What gives frames with their times."""
