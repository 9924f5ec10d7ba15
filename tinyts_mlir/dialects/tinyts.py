"""The `tinyts` dialect: TFLite's ops on quantized tensors, whole or cut into bands of rows.

Op names and semantics are TFLite's; what an op computes is what LiteRT's reference kernel for it computes, byte by
byte. There is one vocabulary before and after splitting: the op that makes a band is the op that made the whole feature
map, with the same attributes, on the bands that its receptive field needs. Types say which rows a value holds
(`dialects/rows.py`), so every verifier is local.

The order of ops in a block is the schedule. `offsets` (one for each result) and `scratch`, set by `plan-arena`,
are the bytes from the start of the arena at which results and the kernel's scratch lie.

Ops are defined by kind: `tinyts_inputs.py`, `tinyts_convolutions.py`, `tinyts_transposed.py`,
`tinyts_fully_connected.py`, `tinyts_matrices.py`, `tinyts_pools.py`, `tinyts_elementwise.py`,
`tinyts_data_movement.py`, `tinyts_rearrangements.py`, `tinyts_resizing.py`, `tinyts_aliases.py` and
`tinyts_reductions.py`, on what `tinyts_base.py` has for all of them. They can all be imported from here.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from tinyts_mlir.dialects.rows import RowsAttr
from tinyts_mlir.dialects.tinyts_aliases import RenumberRowsOp, ReshapeOp
from tinyts_mlir.dialects.tinyts_binary import (
    AddOp,
    BinaryOp,
    MaximumOp,
    MinimumOp,
    MulOp,
    PreluOp,
    SquaredDifferenceOp,
    SubOp,
)
from tinyts_mlir.dialects.tinyts_convolutions import Conv2DOp, ConvolutionOp, DepthwiseConv2DOp
from tinyts_mlir.dialects.tinyts_data_movement import ConcatenationOp, JoinOp, PadOp, SplitOp
from tinyts_mlir.dialects.tinyts_edges import DequantizeOp, QuantizeOp
from tinyts_mlir.dialects.tinyts_elementwise import (
    AbsOp,
    ElementwiseOp,
    ExpOp,
    GeluOp,
    HardSwishOp,
    L2NormalizationOp,
    LeakyReluOp,
    LogisticOp,
    LogOp,
    LogSoftmaxOp,
    NegOp,
    Relu6Op,
    ReluN1To1Op,
    ReluOp,
    SoftmaxOp,
    TanhOp,
)
from tinyts_mlir.dialects.tinyts_fully_connected import FullyConnectedOp
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp, ExternalInputOp, LoadOp, ReceiveOp
from tinyts_mlir.dialects.tinyts_matrices import BatchMatmulOp
from tinyts_mlir.dialects.tinyts_pools import AveragePool2DOp, MaxPool2DOp, MeanOp, MinPool2DOp, PoolOp
from tinyts_mlir.dialects.tinyts_rearrangements import (
    BroadcastToOp,
    DepthToSpaceOp,
    GatherOp,
    MirrorPadOp,
    RearrangementOp,
    SpaceToDepthOp,
    StridedSliceOp,
    TileOp,
    TransposeOp,
)
from tinyts_mlir.dialects.tinyts_reductions import (
    AccumulatingOp,
    DotRowsOp,
    FullyConnectedOfSumsOp,
    MeanOfSumsOp,
    RequantizedMeanOfSumsOp,
    SumRowsOp,
)
from tinyts_mlir.dialects.tinyts_resizing import ResizeBilinearOp, ResizeNearestNeighborOp
from tinyts_mlir.dialects.tinyts_transposed import InterleaveRowsOp, TransposeConvOp, TransposeConvRowsOp

__all__ = [
    "AbsOp",
    "AccumulatingOp",
    "AddOp",
    "AveragePool2DOp",
    "BatchMatmulOp",
    "BinaryOp",
    "BroadcastToOp",
    "ConcatenationOp",
    "ConstantOp",
    "Conv2DOp",
    "ConvolutionOp",
    "DepthToSpaceOp",
    "DepthwiseConv2DOp",
    "DequantizeOp",
    "DotRowsOp",
    "ElementwiseOp",
    "ExpOp",
    "ExternalInputOp",
    "FullyConnectedOfSumsOp",
    "FullyConnectedOp",
    "GatherOp",
    "GeluOp",
    "HardSwishOp",
    "InterleaveRowsOp",
    "JoinOp",
    "L2NormalizationOp",
    "LeakyReluOp",
    "LoadOp",
    "LogOp",
    "LogSoftmaxOp",
    "LogisticOp",
    "MaxPool2DOp",
    "MaximumOp",
    "MeanOfSumsOp",
    "MeanOp",
    "MinPool2DOp",
    "MinimumOp",
    "MirrorPadOp",
    "MulOp",
    "NegOp",
    "PadOp",
    "PoolOp",
    "PreluOp",
    "QuantizeOp",
    "RearrangementOp",
    "ReceiveOp",
    "Relu6Op",
    "ReluN1To1Op",
    "ReluOp",
    "RenumberRowsOp",
    "RequantizedMeanOfSumsOp",
    "ReshapeOp",
    "ResizeBilinearOp",
    "ResizeNearestNeighborOp",
    "SoftmaxOp",
    "SpaceToDepthOp",
    "SplitOp",
    "SquaredDifferenceOp",
    "StridedSliceOp",
    "SubOp",
    "SumRowsOp",
    "TanhOp",
    "TileOp",
    "Tinyts",
    "TransposeConvOp",
    "TransposeConvRowsOp",
    "TransposeOp",
]

Tinyts = Dialect(
    "tinyts",
    [
        ConstantOp,
        LoadOp,
        ReceiveOp,
        ExternalInputOp,
        JoinOp,
        RenumberRowsOp,
        Conv2DOp,
        DepthwiseConv2DOp,
        TransposeConvOp,
        TransposeConvRowsOp,
        InterleaveRowsOp,
        AveragePool2DOp,
        MaxPool2DOp,
        MinPool2DOp,
        MeanOp,
        AddOp,
        FullyConnectedOp,
        BatchMatmulOp,
        SoftmaxOp,
        L2NormalizationOp,
        SubOp,
        PreluOp,
        MulOp,
        MinimumOp,
        MaximumOp,
        SquaredDifferenceOp,
        LeakyReluOp,
        Relu6Op,
        AbsOp,
        ExpOp,
        GeluOp,
        HardSwishOp,
        LogOp,
        NegOp,
        LogSoftmaxOp,
        LogisticOp,
        ReluN1To1Op,
        ReluOp,
        TanhOp,
        QuantizeOp,
        DequantizeOp,
        ReshapeOp,
        PadOp,
        ConcatenationOp,
        SplitOp,
        BroadcastToOp,
        DepthToSpaceOp,
        GatherOp,
        MirrorPadOp,
        SpaceToDepthOp,
        StridedSliceOp,
        TileOp,
        TransposeOp,
        ResizeNearestNeighborOp,
        ResizeBilinearOp,
        SumRowsOp,
        MeanOfSumsOp,
        RequantizedMeanOfSumsOp,
        DotRowsOp,
        FullyConnectedOfSumsOp,
    ],
    [RowsAttr],
)
"""The `tinyts` dialect."""
