"""Between passes every op is verified that has changed, and only those."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp, UnitAttr, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.cli.verification import ChangeVerifier
from tinyts_mlir.compiler import new_context
from tinyts_mlir.dialects.tinyts import MaxPool2DOp
from tinyts_mlir.dialects.tinyts_attributes import BAND_ROWS, SEGMENT

TEXT = """
!q = !quant.uniform<i8:f32, 0.5:3>
func.func @main(%0: tensor<1x8x8x4x!q>) -> tensor<1x2x2x4x!q> {
  %1 = tinyts.max_pool_2d %0 {window = [2, 2], stride = [2, 2]} attributes {tinyts.band_rows = 2 : i64}
    : tensor<1x4x4x4x!q>
  %2 = tinyts.max_pool_2d %1 {window = [2, 2], stride = [2, 2]} : tensor<1x2x2x4x!q>
  func.return %2 : tensor<1x2x2x4x!q>
}
"""


def parsed() -> tuple[ModuleOp, FuncOp, list[Operation]]:
    module = Parser(new_context(), TEXT).parse_module()
    function = module.body.block.first_op
    assert isinstance(function, FuncOp)
    return module, function, list(function.body.block.ops)


def test_unchanged_ops_are_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, (first, second, _) = parsed()
    verified: list[Operation] = []
    verify_ = MaxPool2DOp.verify_

    def counted(op: MaxPool2DOp) -> None:
        verified.append(op)
        verify_(op)

    monkeypatch.setattr(MaxPool2DOp, "verify_", counted)
    verifier = ChangeVerifier()
    verifier.verify(module)
    assert verified == [first, second]
    verifier.verify(module)
    del first.attributes[BAND_ROWS]
    verifier.verify(module)
    first.properties["offsets"] = DenseArrayBase.from_list(i64, [64])
    verifier.verify(module)
    assert verified == [first, second]
    second.attributes[SEGMENT] = DenseArrayBase.from_list(i64, [1])
    verifier.verify(module)
    assert verified == [first, second, second]


def set_property(name: str, *values: int) -> Callable[[FuncOp, list[Operation]], None]:
    def change(function: FuncOp, ops: list[Operation]) -> None:
        ops[0].properties[name] = DenseArrayBase.from_list(i64, list(values))

    return change


def set_unknown_attribute(function: FuncOp, ops: list[Operation]) -> None:
    ops[1].attributes["tinyts.unknown"] = UnitAttr()


def set_wrong_attribute(function: FuncOp, ops: list[Operation]) -> None:
    ops[0].attributes[BAND_ROWS] = IntegerAttr(0, i64)


def change_operand(function: FuncOp, ops: list[Operation]) -> None:
    ops[1].operands[0] = function.body.block.args[0]


def drop_terminator(function: FuncOp, ops: list[Operation]) -> None:
    ops[2].detach()


def empty_function(function: FuncOp, ops: list[Operation]) -> None:
    for op in reversed(ops):
        op.detach()


@pytest.mark.parametrize(
    "change",
    [
        set_property("stride", 3, 3),
        set_property("offsets", -4),
        set_property("offsets", 0, 4),
        set_property("scratch", 4, 0),
        set_unknown_attribute,
        set_wrong_attribute,
        change_operand,
        drop_terminator,
        empty_function,
    ],
)
def test_changes_are_found(change: Callable[[FuncOp, list[Operation]], None]) -> None:
    module, function, ops = parsed()
    verifier = ChangeVerifier()
    verifier.verify(module)
    change(function, ops)
    with pytest.raises(VerifyException) as expected:
        module.verify()
    for _ in range(2):
        with pytest.raises(VerifyException) as found:
            verifier.verify(module)
        assert str(found.value) == str(expected.value)
