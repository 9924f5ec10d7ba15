"""Canonicalization patterns of the `tinyts` ops, applied by the `canonicalize` pass: one op a file."""
