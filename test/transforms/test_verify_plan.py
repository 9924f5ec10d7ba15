"""What `verify-plan` accepts computes the right thing, and what is broken on purpose it rejects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from networks import BLOCKS, apply, block_network, examples, function_of, lowered, planned, random_network, same
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects import assembly, tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import kept_after
from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import ExternalInputOp, FusedBlockOp
from tinyts_mlir.dialects.tinyts_attributes import ARENA_BYTES
from tinyts_mlir.dialects.tinyts_base import AliasOp, TinytsOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.tinyrt import run_program
from tinyts_mlir.transforms.fuse_blocks import FuseBlocksPass
from tinyts_mlir.transforms.schedule_bands import ScheduleBandsPass
from tinyts_mlir.transforms.verify_plan import VerifyPlanPass

PLANS = [(1, "depth-first", "stream"), (2, "breadth-first", "arena"), (1, "auto", "stream"), (2, "auto", "external")]
SEEDS = range(16)
MUTATIONS = 24


def is_accepted(module: ModuleOp) -> bool:
    try:
        VerifyPlanPass().apply(Context(), module)
    except CompileError:
        return False
    return True


def band_ops(module: ModuleOp) -> list[TinytsOp]:
    return [op for op in OpGraph.of(function_of(module)).ops if isinstance(op, TinytsOp)]


def arena_bytes(module: ModuleOp) -> int:
    attribute = function_of(module).attributes[ARENA_BYTES]
    assert isinstance(attribute, IntegerAttr)
    return attribute.value.data


def move_scratch(op: TinytsOp, offset: int) -> None:
    op.properties["scratch"] = assembly.to_attribute([offset, int_values(op.scratch)[1]])


def set_offset(op: TinytsOp, index: int, offset: int) -> None:
    offsets = list(int_values(op.offsets))
    offsets[index] = offset
    op.properties["offsets"] = assembly.to_attribute(offsets)


def mutate(module: ModuleOp, random: np.random.Generator) -> None:
    """One random change of a plan or a schedule."""
    ops = band_ops(module)
    op = ops[int(random.integers(len(ops)))]
    index = int(random.integers(len(op.results)))
    match int(random.integers(7)):
        case 0:  # anywhere
            step = int(random.choice([1, 4]))
            set_offset(op, index, int(random.integers(0, arena_bytes(module) // step + 1)) * step)
        case 1:  # a bit further
            set_offset(op, index, max(0, int_values(op.offsets)[index] + int(random.integers(-9, 10))))
        case 2:  # on another value
            other = ops[int(random.integers(len(ops)))]
            set_offset(op, index, int_values(other.offsets)[0])
        case 3:  # another order
            following = op.next_op
            if isinstance(following, TinytsOp):
                following.detach()
                op.parent_block().insert_op_before(following, op)
        case 4:
            with_scratch = [op for op in ops if op.scratch is not None]
            if with_scratch:
                op = with_scratch[int(random.integers(len(with_scratch)))]
                offset = int(random.integers(0, arena_bytes(module) // 4 + 1)) * 4
                move_scratch(op, offset)
        case 5:  # a step makes do without scratch, which is as right as before
            op.properties.pop("scratch", None)
        case _:  # a smaller arena
            function_of(module).attributes[ARENA_BYTES] = IntegerAttr(
                max(0, arena_bytes(module) - int(random.integers(1, 17))), i64
            )


def program_outputs(program: ModuleOp, inputs: list[np.ndarray], poison: int) -> list[np.ndarray]:
    [op] = [op for op in program.body.block.ops if isinstance(op, tinyrt.ProgramOp)]
    return run_program(op, inputs, poison=poison)


def computes(module: ModuleOp, expected: list[tuple[list[np.ndarray], list[np.ndarray]]]) -> bool:
    program = lowered(module)
    return all(
        same(program_outputs(program, inputs, poison), outputs) for inputs, outputs in expected for poison in (90, -77)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_accepted_computes_the_right_thing(seed: int) -> None:
    text = random_network(seed)
    accepted_mutations_compute(planned(text, *PLANS[seed % len(PLANS)]), examples(text), seed)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_accepted_of_fused_blocks(name: str, keep: bool) -> None:
    text = block_network(name)
    for seed, plan in enumerate(PLANS):
        good = planned(text, *plan, front=[FuseBlocksPass(blocks=(0,), columns=2, keep=keep)])
        kept = [op for op in band_ops(good) if kept_after(op) is not None]
        assert bool(kept) == keep
        accepted_mutations_compute(good, examples(text), seed)


def accepted_mutations_compute(
    good: ModuleOp, expected: list[tuple[list[np.ndarray], list[np.ndarray]]], seed: int
) -> None:
    """Of plans that were changed at random, each that is accepted computes what the network does."""
    assert is_accepted(good)
    assert computes(good, expected)
    random = np.random.default_rng(seed)
    accepted = 0
    for _ in range(MUTATIONS):
        module = good.clone()
        for _ in range(int(random.integers(1, 4))):
            mutate(module, random)
        if not is_accepted(module):
            continue
        try:
            assert computes(module, expected)
            accepted += 1
        except CompileError as error:
            # Bands out of order have no program.
            assert "rows" in str(error)
    # Neither is everything rejected.
    assert accepted < MUTATIONS


def broken_plans(module: ModuleOp) -> Iterator[tuple[str, ModuleOp]]:
    """Plans that cannot be right, each one with what is wrong with it."""
    ops = band_ops(module)

    def copy() -> tuple[ModuleOp, list[TinytsOp]]:
        clone = module.clone()
        return clone, band_ops(clone)

    last_read = {
        value: max((i for i, op in enumerate(ops) if value in op.operands), default=-1 if op.results else 0)
        for op in ops
        for value in op.results
    }
    for i, op in enumerate(ops):
        operands = [
            value
            for value in op.operands
            if isinstance(value.owner, TinytsOp) and not isinstance(value.owner, ExternalInputOp)
        ]
        sizes = [size_in_bytes(tensor_type(result)) for result in op.results]
        # Half over the last operand: no kernel works in place there.
        if operands and not isinstance(op, AliasOp) and size_in_bytes(tensor_type(operands[-1])) > 1:
            clone, cloned = copy()
            owner = operands[-1].owner
            place = int_values(owner.offsets)[list(owner.results).index(operands[-1])]
            set_offset(cloned[i], 0, place + 1)
            yield f"step {i}: result half over an operand", clone
        # On a value that somebody reads later.
        for j in range(i):
            for k, value in enumerate(ops[j].results):
                if last_read[value] > i and not isinstance(op, AliasOp) and value not in op.operands:
                    clone, cloned = copy()
                    set_offset(cloned[i], 0, int_values(ops[j].offsets)[k])
                    yield f"step {i}: result on what step {last_read[value]} reads", clone
        if op.scratch is not None and operands and not isinstance(operands[0].owner, AliasOp):
            clone, cloned = copy()
            place = int_values(operands[0].owner.offsets)[list(operands[0].owner.results).index(operands[0])]
            _, size = int_values(op.scratch)
            move_scratch(cloned[i], max(0, place - size + 1) // 4 * 4)
            if max(0, place - size + 1) // 4 * 4 + size > place:
                yield f"step {i}: scratch over an operand", clone
            clone, cloned = copy()
            move_scratch(cloned[i], int_values(op.offsets)[0] // 4 * 4)
            yield f"step {i}: scratch over the result", clone
        for k in range(len(op.results)):
            clone, cloned = copy()
            set_offset(cloned[i], k, arena_bytes(module) - sizes[k] + 1)
            yield f"step {i}: result behind the arena's end", clone
        for value in operands:
            clone, cloned = copy()
            maker = ops.index(value.owner)
            cloned[i].detach()
            cloned[maker].parent_block().insert_op_before(cloned[i], cloned[maker])
            yield f"step {i}: in front of step {maker}, which it reads", clone
        clone, cloned = copy()
        del cloned[i].properties["offsets"]
        yield f"step {i}: no offset", clone


@pytest.mark.parametrize("seed", range(12))
def test_broken_plans_are_rejected(seed: int) -> None:
    module = planned(random_network(seed), *PLANS[seed % len(PLANS)])
    assert is_accepted(module)
    plans = list(broken_plans(module))
    assert plans
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(plans))[:150]
    assert [plans[i][0] for i in chosen if is_accepted(plans[i][1])] == []


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", BLOCKS)
def test_broken_plans_of_fused_blocks_are_rejected(name: str, keep: bool) -> None:
    for plan in PLANS:
        module = planned(block_network(name), *plan, front=[FuseBlocksPass(blocks=(0,), columns=2, keep=keep)])
        assert is_accepted(module)
        assert [what for what, broken in broken_plans(module) if is_accepted(broken)] == []


def test_what_is_kept_stays_where_it_is() -> None:
    module = planned(block_network("3x3"), front=[FuseBlocksPass(blocks=(0,), keep=True)])
    keeping = [op for op in band_ops(module) if kept_after(op) is not None]
    set_offset(keeping[2], 1, int_values(keeping[2].offsets)[1] + 4)
    with pytest.raises(CompileError, match="the result stays at byte"):
        VerifyPlanPass().apply(Context(), module)


def test_a_block_needs_an_input() -> None:
    module = planned(block_network("3x3"), front=[FuseBlocksPass(blocks=(0,), keep=True)])
    op = next(op for op in band_ops(module) if isinstance(op, FusedBlockOp))
    changed = op.with_operands([[], *op.operand_groups()[1:]], [tensor_type(result) for result in op.results])
    with pytest.raises(VerifyException, match="expected an input"):
        changed.verify()


@pytest.mark.parametrize("seed", range(6))
def test_another_order_needs_another_plan_or_none(seed: int) -> None:
    """A plan under another schedule: accepted only where it still computes the right thing."""
    text = random_network(seed)
    expected = examples(text)
    for order, input in [("breadth-first", "arena"), ("depth-first", "stream"), ("auto", "stream")]:
        module = apply(planned(text, 1), ScheduleBandsPass(order, input))
        if is_accepted(module):
            assert computes(module, expected)
