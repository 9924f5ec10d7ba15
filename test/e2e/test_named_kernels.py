"""What tables for people say of kernels is what happens."""

from __future__ import annotations

from every_kernel import every_kernel
from xdsl.passes import PassPipeline
from xdsl.universe import Universe

from tinyts_mlir.compiler import new_context
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.registry import find_entry
from tinyts_mlir.pipeline import build_passes, pass_flag


def test_the_kernels_that_run_are_those_that_are_named() -> None:
    """In a network of every kernel, whole and in bands."""
    for flags in ([], ["--split-tensors=rows=1", "--stream-reductions"]):
        module = every_kernel()
        context = new_context()
        available = Universe.get_multiverse().all_passes
        specs = [spec for flag in flags if (spec := pass_flag(flag, available)) is not None]
        PassPipeline(build_passes(specs, available)).apply(context, module)
        for op in module.walk():
            entry = find_entry(op)
            if entry is not None and entry.call is not None:
                assert kernel_call(op).kernel in entry.kernels, op.name
