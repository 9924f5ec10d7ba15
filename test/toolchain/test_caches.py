"""Simulated caches, against a plain model that searches all places."""

import random

import pytest

from tinyts_mlir.memories import STM32F767_CACHES, CacheShape
from tinyts_mlir.toolchain.caches import cache


def misses_by_age(shape: CacheShape, accesses: list[tuple[int, int]]) -> int:
    """Lines that miss: those after which as many others of their set were used as there are ways."""
    history: list[int] = []
    missed = 0
    for address, size in accesses:
        for line in range(address // shape.line_bytes, (address + size - 1) // shape.line_bytes + 1):
            since: set[int] = set()
            for other in reversed(history):
                if other == line:
                    break
                if other % shape.sets == line % shape.sets:
                    since.add(other)
            else:
                since.update(range(-shape.ways, 0))  # never used
            missed += len(since) >= shape.ways
            history.append(line)
    return missed


@pytest.mark.parametrize("shape", [CacheShape(256, 2), CacheShape(512, 4), CacheShape(64, 1, 16), CacheShape(256, 8)])
@pytest.mark.parametrize("seed", range(4))
def test_random_reads(shape: CacheShape, seed: int):
    generator = random.Random(seed)
    accesses = [(generator.randrange(40 * 32), generator.choice((1, 2, 4, 8))) for _ in range(700)]
    access = cache(shape)
    counted = sum(access(address, size) for address, size in accesses)
    assert counted == misses_by_age(shape, accesses)
    assert shape.bytes // shape.line_bytes < counted < 2 * len(accesses)


def test_what_fits_misses_once_and_what_does_not_misses_always():
    shape = STM32F767_CACHES.data
    for bytes, passes_that_miss in ((shape.bytes, 1), (2 * shape.bytes, 5)):
        access = cache(shape)
        counted = sum(access(address, 4) for _ in range(5) for address in range(0, bytes, 4))
        assert counted == passes_that_miss * bytes // shape.line_bytes


def test_a_read_over_the_end_of_a_line_reads_two():
    access = cache(CacheShape(256, 2))
    assert [access(30, 4), access(32, 4), access(0, 4)] == [2, 0, 0]


@pytest.mark.parametrize("shape", [CacheShape(300, 2), CacheShape(256, 2, 24), CacheShape(96 * 2, 2)])
def test_impossible_shapes(shape: CacheShape):
    with pytest.raises(ValueError, match="power of 2"):
        cache(shape)
