"""Passes on the `tinyts` dialect: one pass a file, file name = pass name."""
