"""Model files to IR."""
