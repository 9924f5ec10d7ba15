"""What the tools make of the registries: the list of ops, and a random layer of every op."""

from __future__ import annotations

from pathlib import Path

import pytest
from network_samples import Sampler
from ops_table import document
from reference_pages import PAGES

from tinyts_mlir.kernels.registry import all_entries
from tinyts_mlir.tflite.refusals import ON_RAW_BYTES, REMEDIES, WITHOUT_INT8_KERNEL
from tinyts_mlir.tflite.registry import all_rules

DOCS = Path(__file__).parents[2] / "docs"


def test_the_list_of_ops_is_fresh() -> None:
    assert (DOCS / "ops.md").read_text() == document(), "python tools/ops_table.py -o docs/ops.md"


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_fresh(page: str) -> None:
    made = f"python tools/reference_pages.py {page} -o docs/{page}.md"
    assert (DOCS / f"{page}.md").read_text(encoding="utf-8") == PAGES[page](), made


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_random_networks_have_the_op(rule) -> None:
    made: set[str] = set()
    for seed in range(20):
        sampler = Sampler(seed)
        sampler.values.append(sampler.builder.input((1, 6, 5, 4)))
        layer = sampler.layer_of(rule.op_type)
        assert layer is not None
        layer()
        made.update(op.name for op in sampler.builder.block.ops)
    assert rule.op_type.name in made


def test_no_hint_is_for_an_op_that_is_supported() -> None:
    assert (REMEDIES.keys() | WITHOUT_INT8_KERNEL | ON_RAW_BYTES).isdisjoint(rule.name for rule in all_rules())


def test_every_op_names_its_kernels() -> None:
    unnamed = [
        name for entry in all_entries() if (name := entry.op_type.name).startswith("tinyts.") and not entry.kernels
    ]
    assert unnamed == []
