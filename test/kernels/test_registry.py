"""Who states what about ops and kernels, and what holds where nobody does."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest
from support import parse
from xdsl.dialects import test as xdsl_test
from xdsl.dialects.func import ReturnOp

from tinyts_mlir.dialects.tinyts import AddOp, DepthwiseConv2DOp, LeakyReluOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels import catalogue
from tinyts_mlir.kernels.cost import CostPerElement
from tinyts_mlir.kernels.entry import Kernel, KernelFamily, OpEntry
from tinyts_mlir.kernels.lead import first_shared_byte
from tinyts_mlir.kernels.lookups import LOOKUP, lookup_entry
from tinyts_mlir.kernels.operand_overlap import first_byte_lost, operand_overlap
from tinyts_mlir.kernels.registry import ENTRY_POINTS, FAMILIES, Registry

MAP = "tensor<1x4x2x4x!quant.uniform<i8:f32, 0.5:-1>>"
TEXT = f"""
    func.func @main(%x: {MAP}) -> {MAP} {{
      %a = tinyts.leaky_relu %x {{alpha = 0.5}} : {MAP}
      func.return %a : {MAP}
    }}"""


class Point:
    """An entry point."""

    name = "mine"

    def __init__(self, value: object) -> None:
        self.value = value

    def load(self) -> object:
        return self.value


def test_every_op_is_stated_once() -> None:
    entries = [(entry.op_type, entry.is_wide) for module in FAMILIES for entry in module.FAMILY.ops]
    kernels = [kernel.name for module in FAMILIES for kernel in module.FAMILY.kernels]
    assert len(set(entries)) == len(entries) and len(set(kernels)) == len(kernels)


def test_defaults() -> None:
    """Nothing is stated about a terminator, or about ops of other dialects."""
    terminator = next(op for op in parse(TEXT).walk() if isinstance(op, ReturnOp))
    for op in (terminator, xdsl_test.TestOp()):
        assert not catalogue.works_in_place(op) and not catalogue.has_kernel(op)
        assert catalogue.scratch_options(op) == () and catalogue.macs_per_element(op) == 0
        assert operand_overlap(op) is None and catalogue.avoidable_instructions(op) == 0
        assert catalogue.op_cost(op) == CostPerElement()
        catalogue.check_arithmetic(op)
        with pytest.raises(CompileError, match="no kernel runs this op"):
            catalogue.kernel_call(op)
    with pytest.raises(CompileError, match="'nonsense': nothing says what it computes"):
        catalogue.run_kernel("nonsense", {}, [], 1)
    assert not catalogue.accumulates("nonsense", {}) and catalogue.accumulates("sum_rows", {})


def test_facts() -> None:
    op = next(op for op in parse(TEXT).walk() if isinstance(op, LeakyReluOp))
    assert catalogue.works_in_place(op) and catalogue.has_kernel(op)
    assert catalogue.kernel_call(op).kernel is LOOKUP
    assert {AddOp, LeakyReluOp, DepthwiseConv2DOp} <= set(catalogue.ops_with_kernels())


def test_bytes_that_are_lost_by_default() -> None:
    """A kernel of which nothing is known must find all of an operand."""
    op = next(op for op in parse(TEXT).walk() if isinstance(op, LeakyReluOp))
    lost = {-32: None, -31: 0, -5: 0, 0: 0, 5: 5, 31: 31, 32: None}
    assert {distance: first_byte_lost(op, 0, distance) for distance in lost} == lost
    assert first_shared_byte(3, 10, 1) == 3
    assert first_shared_byte(-2, 10, 2) is None


def test_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def table(op: xdsl_test.TestOp) -> np.ndarray:
        return np.zeros(256, np.int8)

    kernel = Kernel("example", lambda parameters, inputs, count: [])
    family = KernelFamily([kernel], [lookup_entry(xdsl_test.TestOp, table)])
    points = {ENTRY_POINTS: [Point(family)]}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points.get(group, []))
    registry = Registry()
    assert "example" not in registry.kernels
    registry.add_packages()
    assert registry.kernels["example"] is kernel and xdsl_test.TestOp in registry.entries
    points[ENTRY_POINTS] = []
    registry.add_packages()  # once is enough


def test_something_else_behind_the_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point(3)])
    with pytest.raises(CompileError, match=r"entry point 'mine' of tinyts\.kernels: expected a KernelFamily"):
        Registry().add_packages()


def test_names_are_taken_once() -> None:
    registry = Registry()
    registry.add(KernelFamily([LOOKUP]))  # the same again is fine
    with pytest.raises(CompileError, match="kernel 'lookup' is stated twice"):
        registry.add(KernelFamily([Kernel("lookup", LOOKUP.run)]))
    with pytest.raises(CompileError, match=r"tinyts\.leaky_relu: it is stated twice how this op runs"):
        registry.add(KernelFamily(ops=[OpEntry(LeakyReluOp, None)]))
