"""How ops run: a kernel for each, with its constants, scratch, cost, and what it computes in numpy."""
