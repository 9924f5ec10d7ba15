"""What the dialects' operations mean, in numpy."""
