"""`prune-channels{off=false multiple=N}`: channels that always hold the same byte, or that nothing reads, are not made.

    %1 = tinyts.conv_2d %0, %filter, %bias : tensor<1x12x12x32x!q>
    %2 = tinyts.conv_2d %1, %filter2, %bias2 : tensor<1x12x12x8x!q>
  where 20 channels of %1 hold -128 whatever the input is, becomes
    %1 = tinyts.conv_2d %0, %filter_of_12, %bias_of_12 : tensor<1x12x12x12x!q>
    %2 = tinyts.conv_2d %1, %filter2_of_12, %bias2_with_their_share : tensor<1x12x12x8x!q>

What channels can hold is found from the weights (`analysis/value_ranges.py`), which of them can go by what ops state
(`analysis/channel_pruning.py`). Inputs and outputs of the model stay as they are, and so does every byte of the output.

Maps keep a multiple of so many channels, by default of 2 or of 4: fewer are fewer bytes, but the rows of a depthwise
convolution may lie partly on rows that die only where channels are whole blocks of 4. So both are tried, and that is
taken of which bands need less SRAM, or else fewer instructions by the cost model. What went is recorded in
`tinyts.pruned_layers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, NameLoc, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.channel_pruning import MULTIPLES, Pruning, channel_classes, round_up
from tinyts_mlir.analysis.macs import macs_of_op
from tinyts_mlir.analysis.op_graph import functions, require_whole_tensors
from tinyts_mlir.analysis.value_ranges import ValueRanges, holds_bytes
from tinyts_mlir.dialects.channel_geometry import ChannelLinkInterface, ChannelMixInterface, Flags, last_extent
from tinyts_mlir.dialects.interfaces import Residence, is_constant, residence_of
from tinyts_mlir.dialects.pruned_layers import PrunedLayer, to_attribute
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import ConstantOp
from tinyts_mlir.dialects.tinyts_attributes import PRUNED
from tinyts_mlir.errors import CompileError
from tinyts_mlir.transforms.choose_bands import ChooseBandsPass


@dataclass(frozen=True)
class PruneChannelsPass(ModulePass):
    """Leaves out channels that never change, or that nothing reads."""

    name = "prune-channels"

    off: bool = False
    multiple: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Prunes every function."""
        if self.off:
            return
        if self.multiple is not None and self.multiple < 1:
            raise CompileError(f"prune-channels: expected a multiple of at least 1, got {self.multiple}")
        for function in functions(op):
            require_whole_tensors(self.name, function)
        multiple = self.multiple or _best_multiple(op)
        for function in functions(op):
            _prune(function, multiple)
        dce(op)


def _best_multiple(module: ModuleOp) -> int:
    """The one of MULTIPLES with which bands need least SRAM, or else fewest instructions."""
    trials: list[ModuleOp] = []
    lost: list[list[Attribute | None]] = []
    for multiple in MULTIPLES:
        trial = module.clone()
        for function in functions(trial):
            _prune(function, multiple)
        trials.append(trial)
        lost.append([function.attributes.get(PRUNED) for function in functions(trial)])
        if not any(lost[-1]):
            break  # nor will anything go where more has to stay
    if len(trials) < len(MULTIPLES) or lost[0] == lost[1]:
        return MULTIPLES[0]
    try:
        needs = [_needs(trial) for trial in trials]
    except CompileError:
        return MULTIPLES[0]  # a limit that the passes behind this one tell of
    return MULTIPLES[needs.index(min(needs))]


def _needs(module: ModuleOp) -> tuple[int, float]:
    """Least SRAM of bands, and the instructions of these."""
    searches = [bands.search for bands in ChooseBandsPass().searches(module)]
    return sum(one.least_bytes for one in searches), sum(one.lowest.instructions for one in searches)


def _prune(function: FuncOp, multiple: int) -> None:
    ranges = ValueRanges(function)
    pruning = Pruning(channel_classes(function, ranges))
    round_up(pruning, multiple)
    kept: dict[SSAValue, Flags] = {value: pruning.kept(value) for value in pruning.classes.first}
    made: dict[SSAValue, SSAValue] = {}
    lost: list[PrunedLayer] = []
    for op in list(function.body.block.ops):
        if residence_of(op) is Residence.FLASH:
            continue
        values = [value for value in (*op.operands, *op.results) if value in kept]
        if all(kept[value].all() for value in values):
            for number, value in enumerate(op.operands):
                op.operands[number] = made.get(value, value)
            continue
        new = _pruned(op, kept, made, ranges)
        Rewriter.insert_op(new, InsertPoint.before(op))
        made |= dict(zip(op.results, new[-1].results, strict=True))
        lost += _lost(op, new, kept, ranges)
    if lost:
        function.attributes[PRUNED] = to_attribute(lost)


def _pruned(
    op: Operation, kept: Mapping[SSAValue, Flags], made: Mapping[SSAValue, SSAValue], ranges: ValueRanges
) -> list[Operation]:
    """The op on the channels that stay, behind the constants that it needs."""
    types = [_on_channels(value, kept[value]) for value in op.results]
    if isinstance(op, ChannelMixInterface) and (map := op.mixed_map()) is not None:
        return list(
            op.mixed_on_channels(made.get(map, map), types[0], kept[map], ranges[map].lowest, kept[op.results[0]])
        )
    assert isinstance(op, ChannelLinkInterface)
    operands: dict[SSAValue, SSAValue] = {}
    constants: list[Operation] = []
    for value in op.operands:
        constant = value.owner
        if isinstance(constant, ConstantOp) and not kept[value].all():
            sliced = constant.taking(np.flatnonzero(kept[value]), len(tensor_type(value).get_shape()) - 1)
            constants.append(sliced)
            operands[value] = sliced.result
        else:
            operands[value] = made.get(value, value)
    return [*constants, op.on_channels(operands, types, kept)]


def _lost(
    op: Operation, new: Sequence[Operation], kept: Mapping[SSAValue, Flags], ranges: ValueRanges
) -> list[PrunedLayer]:
    """What a layer is rid of; nothing to tell of one without weights that just follows what it reads."""
    gone = np.concatenate([~kept[value] for value in op.results])
    constant = np.concatenate(
        [
            ranges[value].is_constant if holds_bytes(value) else np.zeros(last_extent(value), np.bool_)
            for value in op.results
        ]
    )
    saved = sum(size_in_bytes(tensor_type(value)) for value in op.operands if is_constant(value))
    saved -= sum(size_in_bytes(tensor_type(value)) for one in new[:-1] for value in one.results)
    if not isinstance(op, ChannelMixInterface) and not saved:
        return []
    name = op.location.desc.data if isinstance(op.location, NameLoc) else op.name
    counts = int((gone & constant).sum()), int((gone & ~constant).sum())
    return [PrunedLayer(name, len(gone), *counts, macs_of_op(op) - macs_of_op(new[-1]), saved)]


def _on_channels(value: SSAValue, kept: Flags) -> TensorType[Attribute]:
    """The type of a value with these channels only."""
    type = tensor_type(value)
    count = int(kept.sum())
    if count == last_extent(value):
        return type
    return TensorType(type.element_type, [*type.get_shape()[:-1], count])
