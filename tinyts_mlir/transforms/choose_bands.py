"""`choose-bands{limit=BYTES highest=8 input=stream|arena}`: says how many rows the bands of each map are to have.

    %1 = tinyts.conv_2d %0, %filter : tensor<1x8x5x64x!q>
  becomes, where four rows at a time fit and pay,
    %1 = tinyts.conv_2d %0, %filter attributes {tinyts.band_rows = 4 : i64, tinyts.segment = array<i64: 2>} : ...

`split-tensors` honours the rows unless it is told how many to take, and `schedule-bands` the segments, in which the
bands fit; `tinyts.held` marks maps that are complete before their readers want more of them there. Without a limit, the
arena stays as small as with bands of one row; with one, it may fill so many bytes, scratch included
(`analysis/band_heights.py`). Rows of an input stay bands of their own, as they arrive. `highest` bounds the rows of a
band, as a context has a pointer for each; where bands of one row would be more than 4096, all begin higher, those of
inputs too, so that compiling takes seconds and not hours. With `input=arena`, inputs are complete before anything else
runs, as of `schedule-bands`.

Where counting bands only estimates live bytes, each choice is planned to see that it fits: where maps are wanted whole
(one that is returned), where an op has several results, and where rows are concatenated or split. It writes
`tinyts.fitting_bytes` on the function, the arena that it found its choice to fit into, for `plan-arena` to keep.

Bands of one row stay where the function has bands already, or ops of other packages that are split by patterns of their
own; and for maps whose rows a concatenation or split along rows moves, as these always line up. A function all of whose
maps grow and die together has nothing to gain without a limit: there, any higher band needs a larger arena.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, UnitAttr, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriteWalker
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.band_heights import BandChoice, HeightSearch, allocated_bytes
from tinyts_mlir.analysis.cost_model import band_instructions, layer_instructions, row_work
from tinyts_mlir.analysis.foreseen_maps import foresee_maps
from tinyts_mlir.analysis.map_bands import MapBands, lowest_heights
from tinyts_mlir.analysis.map_graph import Kind
from tinyts_mlir.analysis.op_graph import functions, makes_bands
from tinyts_mlir.dialects.assembly import to_attribute
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.tinyts_attributes import BAND_ROWS, FITTING_BYTES, HELD, SEGMENT, segments_of
from tinyts_mlir.dialects.traits import HasRowSplittingPatternsTrait
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import scratch_options
from tinyts_mlir.transforms.plan_arena import least_arena_bytes, plan_function, planned_arena_bytes
from tinyts_mlir.transforms.receive_inputs import ReceiveArguments
from tinyts_mlir.transforms.schedule_bands import INPUTS, ScheduleBandsPass
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.stream_reductions import StreamReductionsPass

HIGHEST = 8
"""Beyond so many rows, a band is hardly faster."""


def _moves_rows(op: Operation) -> bool:
    """Whether an op is split by patterns that nothing is known of: then its bands are not what its row map says."""
    return bool(op.get_traits_of_type(HasRowSplittingPatternsTrait))


@dataclass(frozen=True)
class ChooseBandsPass(ModulePass):
    """Chooses the heights of bands."""

    name = "choose-bands"

    limit: int | None = None
    highest: int = HIGHEST
    input: str = "stream"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Chooses for every function of the module."""
        for bands in self.searches(op):
            bands.write(bands.search.choose(self.highest, self.limit))

    def searches(self, op: ModuleOp) -> list[FunctionBands]:
        """The searches for the functions of a module whose bands are free to choose; raises CompileError."""
        if self.highest < 1:
            raise CompileError(f"choose-bands: expected a highest band of at least 1 row, got {self.highest}")
        if self.limit is not None and self.limit < 1:
            raise CompileError(f"choose-bands: expected a limit of at least 1 byte, got {self.limit}")
        if self.input not in INPUTS:
            raise CompileError(f"choose-bands: expected input={'|'.join(INPUTS)}, got {self.input!r}")
        list(functions(op))
        dce(op)
        PatternRewriteWalker(ReceiveArguments(), apply_recursively=False).rewrite_module(op)
        return [FunctionBands(function, self.input) for function in functions(op) if _has_choice(function)]


def _has_choice(function: FuncOp) -> bool:
    return not makes_bands(function) and not any(map(_moves_rows, function.body.block.ops))


class FunctionBands:
    """The band heights that a function may have.

    Attributes:
        search: finds them.
    """

    def __init__(self, function: FuncOp, input: str) -> None:
        self.function = function
        self.layers = layers = MapBands(foresee_maps(function, input == "arena"))
        works = {
            number: row_work(layer.op)
            for number, layer in enumerate(layers.layers)
            if layer.is_by_rows and isinstance(layer.op, RowGeometryInterface)
        }
        scratch = [next(iter(scratch_options(layer.op)), 0) if layer.is_by_rows else 0 for layer in layers.layers]

        def costs(number: int, height: int, has_scratch: bool) -> float:
            return layer_instructions(works[number], height, scratch[number] if has_scratch else 0)

        self.is_exact = _is_exact(layers)
        if self.is_exact:
            self.search = HeightSearch(layers, costs, scratch, allocated_bytes(layers))
        else:
            plans = _Plans(function, layers, input)
            self.search = HeightSearch(layers, costs, scratch, plans.arena_bytes, plans.pays)

    def write(self, choice: BandChoice) -> None:
        """Writes a choice on the function and its ops, instead of what is there."""
        _clear(self.layers)
        self.function.attributes.pop(FITTING_BYTES, None)
        if not self.is_exact and list(choice.heights) == lowest_heights(self.layers):
            _write_heights(self.layers, choice.heights)
        else:
            _write(self.layers, choice)
            if choice is not self.search.lowest:
                self.function.attributes[FITTING_BYTES] = IntegerAttr(choice.arena_bytes, i64)


def _is_exact(layers: MapBands) -> bool:
    """Whether counting bands finds what the passes make of them.

    Several results of an op die one by one, and not together as the search has it; rows of one map that are rows of
    another may be read out of order; and where a map is wanted whole, `schedule-bands` and `plan-arena` choose among
    orders, and among a copy and bands where they belong.
    """
    if layers.has_renumbered_rows or any(len(layer.op.results) > 1 for layer in layers.layers):
        return False
    return all(layer.kind is not Kind.JOIN or layers.layers[layer.operands[0]].rows == 1 for layer in layers.layers)


class _Plans:
    """What the passes make of a function with chosen bands; the lowest are in the order that they find."""

    def __init__(self, function: FuncOp, layers: MapBands, input: str) -> None:
        self.function = function
        self.layers = layers
        self.input = input
        self.last: tuple[tuple[object, object], FuncOp] | None = None
        self.lowest_heights = tuple(lowest_heights(layers))
        _clear(layers)
        _write_heights(layers, self.lowest_heights)
        self.lowest = self._ordered()
        plan_function(self.lowest)
        self.lowest_instructions = band_instructions(self.lowest)

    def arena_bytes(self, choice: BandChoice, enough: int) -> int:
        """As of `ArenaBytes`."""
        if choice.heights == self.lowest_heights:
            return planned_arena_bytes(self.lowest)
        return least_arena_bytes(self._chosen(choice), enough)

    def pays(self, choice: BandChoice) -> bool:
        """Whether what bands gain is more than what kernels lose whose scratch finds no place between them."""
        if choice.heights == self.lowest_heights:
            return True
        planned = self._chosen(choice)
        planned.attributes[FITTING_BYTES] = IntegerAttr(choice.arena_bytes, i64)
        plan_function(planned)
        return band_instructions(planned) <= self.lowest_instructions

    def _chosen(self, choice: BandChoice) -> FuncOp:
        """The function with these bands in their order; the one before is kept, as it is asked for twice."""
        bands = choice.heights, choice.segments
        if self.last is None or self.last[0] != bands:
            _write(self.layers, choice)
            self.last = bands, self._ordered()
        return self.last[1]

    def _ordered(self) -> FuncOp:
        module = ModuleOp([self.function.clone()])
        for one in (SplitTensorsPass(), StreamReductionsPass(), ScheduleBandsPass(input=self.input)):
            one.apply(Context(), module)
        [ordered] = functions(module)
        return ordered


def _clear(layers: MapBands) -> None:
    for layer in layers.layers:
        for name in (BAND_ROWS, SEGMENT, HELD):
            layer.op.attributes.pop(name, None)


def _write_heights(layers: MapBands, heights: Sequence[int]) -> None:
    for layer, height in zip(layers.layers, heights, strict=True):
        if layer.kind is Kind.ROWS and height > layer.block:
            layer.op.attributes[BAND_ROWS] = IntegerAttr(height, i64)


def _write(layers: MapBands, choice: BandChoice) -> None:
    """Writes on ops what is chosen for the bands that they make."""
    _clear(layers)
    _write_heights(layers, choice.heights)
    bands = [layers.bands(number, choice.heights) for number in range(len(layers.layers))]
    for number, segment in enumerate(choice.segments):
        for place in range(segment.start, segment.stop):
            layer = layers.layers[place]
            if layer.kind is Kind.SUMS and bands[place] == 1 and not layer.may_have_one_band:
                continue  # it will not be streamed
            layer.op.attributes[SEGMENT] = to_attribute([*segments_of(layer.op), number])
            if place in segment.held and layer.kind is Kind.ROWS:
                layer.op.attributes[HELD] = UnitAttr()
