"""Dialects, passes and targets, offered to every xDSL tool through the `xdsl.universe` entry point.

A package with passes of its own does the same, and `tinyts-opt` finds them. Everything is imported when it is first
used.
"""

from __future__ import annotations

from functools import cache

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.universe import Universe
from xdsl.utils.target import Target


@cache
def installed() -> Universe:
    """The dialects and passes of all installed packages, looked for once: that takes as long as a small model."""
    return Universe.get_multiverse()


def _quant() -> Dialect:
    from tinyts_mlir.dialects.quant import Quant

    return Quant


def _tinyts() -> Dialect:
    from tinyts_mlir.dialects.tinyts import Tinyts

    return Tinyts


def _tinyrt() -> Dialect:
    from tinyts_mlir.dialects.tinyrt import Tinyrt

    return Tinyrt


def _strip_edges() -> type[ModulePass]:
    from tinyts_mlir.transforms.strip_edges import StripEdgesPass

    return StripEdgesPass


def _fold_pads() -> type[ModulePass]:
    from tinyts_mlir.transforms.fold_pads import FoldPadsPass

    return FoldPadsPass


def _receive_inputs() -> type[ModulePass]:
    from tinyts_mlir.transforms.receive_inputs import ReceiveInputsPass

    return ReceiveInputsPass


def _fold_constant_maps() -> type[ModulePass]:
    from tinyts_mlir.transforms.fold_constant_maps import FoldConstantMapsPass

    return FoldConstantMapsPass


def _prune_channels() -> type[ModulePass]:
    from tinyts_mlir.transforms.prune_channels import PruneChannelsPass

    return PruneChannelsPass


def _widen_weights() -> type[ModulePass]:
    from tinyts_mlir.transforms.widen_weights import WidenWeightsPass

    return WidenWeightsPass


def _fuse_blocks() -> type[ModulePass]:
    from tinyts_mlir.transforms.fuse_blocks import FuseBlocksPass

    return FuseBlocksPass


def _check_limits() -> type[ModulePass]:
    from tinyts_mlir.transforms.check_limits import CheckLimitsPass

    return CheckLimitsPass


def _choose_bands() -> type[ModulePass]:
    from tinyts_mlir.transforms.choose_bands import ChooseBandsPass

    return ChooseBandsPass


def _split_tensors() -> type[ModulePass]:
    from tinyts_mlir.transforms.split_tensors import SplitTensorsPass

    return SplitTensorsPass


def _stream_reductions() -> type[ModulePass]:
    from tinyts_mlir.transforms.stream_reductions import StreamReductionsPass

    return StreamReductionsPass


def _schedule_bands() -> type[ModulePass]:
    from tinyts_mlir.transforms.schedule_bands import ScheduleBandsPass

    return ScheduleBandsPass


def _plan_arena() -> type[ModulePass]:
    from tinyts_mlir.transforms.plan_arena import PlanArenaPass

    return PlanArenaPass


def _verify_plan() -> type[ModulePass]:
    from tinyts_mlir.transforms.verify_plan import VerifyPlanPass

    return VerifyPlanPass


def _lower_to_runtime() -> type[ModulePass]:
    from tinyts_mlir.lowering.lower_to_runtime import LowerToRuntimePass

    return LowerToRuntimePass


def _c() -> type[Target]:
    from tinyts_mlir.lowering.targets import CTarget

    return CTarget


def _tflite() -> type[Target]:
    from tinyts_mlir.lowering.targets import TFLiteTarget

    return TFLiteTarget


TINYTS_UNIVERSE = Universe(
    all_dialects={"quant": _quant, "tinyts": _tinyts, "tinyrt": _tinyrt},
    all_passes={
        "strip-edges": _strip_edges,
        "fold-pads": _fold_pads,
        "receive-inputs": _receive_inputs,
        "fold-constant-maps": _fold_constant_maps,
        "prune-channels": _prune_channels,
        "widen-weights": _widen_weights,
        "fuse-blocks": _fuse_blocks,
        "check-limits": _check_limits,
        "choose-bands": _choose_bands,
        "split-tensors": _split_tensors,
        "stream-reductions": _stream_reductions,
        "schedule-bands": _schedule_bands,
        "plan-arena": _plan_arena,
        "verify-plan": _verify_plan,
        "lower-to-runtime": _lower_to_runtime,
    },
    all_targets={"c": _c, "tflite": _tflite},
)
"""What this package brings."""
