"""The smallest model, or IR, that still shows something: what `tinyts-reduce` does."""
