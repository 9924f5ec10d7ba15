"""What surrounds a compiled model: LiteRT's reference, C compilers, and places to run the emitted C.

Nothing is imported here: the optional packages (of the extra 'run') are loaded by the modules that
need them.
"""
