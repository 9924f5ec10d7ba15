"""The IR: one file per dialect."""
