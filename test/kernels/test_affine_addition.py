"""The constants of ADD in one step against the reference arithmetic, on every pair of bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import reference_kernels as kernels
from support import MODELS

from tinyts_mlir.compiler import new_context, read_module
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import AddOp
from tinyts_mlir.kernels.addition import AFFINE_ADD
from tinyts_mlir.kernels.affine_addition import affine_addition, affine_sums
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.quantization import Activation, AddParameters, activation_range, add_parameters

BYTES = np.arange(-128, 128).astype(np.int8)
FIRST, SECOND = np.repeat(BYTES, 256), np.tile(BYTES, 256)


def found(parameters: AddParameters) -> bool:
    """Whether there are constants; they must then be right."""
    addition = affine_addition(parameters)
    if addition is None:
        return False
    a, b = addition.factors
    corners = [a * x + b * y + addition.offset for x in (-128, 127) for y in (-128, 127)]
    assert min(a, b) >= 0
    assert max(a, b) < 1 << 23
    assert max(map(abs, corners)) < 1 << 31
    output_range = parameters.output_minimum, parameters.output_maximum
    got = affine_sums(FIRST, SECOND, addition, output_range)
    np.testing.assert_array_equal(got, kernels.add(FIRST, SECOND, parameters))
    return True


def random_parameters(generator: np.random.Generator) -> AddParameters:
    """As layers of trained models have them: outputs about as wide as the wider input."""
    scales = np.exp2(generator.uniform(-9, -2, 2)).astype(np.float32)
    output = np.float32(scales.max() * np.exp2(generator.uniform(-0.6, 1.3)))
    points = generator.integers(-128, 128, 3)
    activation = list(Activation)[int(generator.integers(4))]
    return add_parameters(
        (float(scales[0]), float(scales[1])),
        (int(points[0]), int(points[1])),
        float(output),
        int(points[2]),
        activation_range(activation, float(output), int(points[2])),
    )


def test_random_scales() -> None:
    generator = np.random.default_rng(1)
    count = 300
    assert sum(found(random_parameters(generator)) for _ in range(count)) > 0.97 * count


@pytest.mark.parametrize(
    "scales",
    [
        (0.5, 0.5, 1.0),
        (0.25, 0.5, 0.5),
        (1.0, 1.0, 1.0),
        (0.1, 0.3, 0.4),
        (1e-6, 1.0, 1.0),
        (1.0, 1e-3, 30.0),
        (1, 1, 1e-5),
    ],
    ids=str,
)
def test_unusual_scales(scales: tuple[float, float, float]) -> None:
    """Ties, identities, one input that hardly counts, outputs that hardly change, and outputs that saturate."""
    for points in ((0, 0, 0), (-128, -128, -128), (127, -128, 5), (127, 127, 127), (-3, 8, -128)):
        found(add_parameters((scales[0], scales[1]), points[:2], scales[2], points[2]))


def test_sums_of_ties_have_no_constants() -> None:
    """Halves are rounded away from zero, which is up for some sums and down for others."""
    assert not found(add_parameters((0.5, 0.5), (0, 0), 1.0, 0))


def test_sums_that_are_exact_have_constants() -> None:
    assert found(add_parameters((0.5, 0.5), (3, -7), 0.5, 11))


@pytest.mark.parametrize("model", sorted(MODELS.glob("*.tflite")), ids=lambda path: path.stem)
def test_every_addition_of_the_models(model: Path) -> None:
    for op in read_module(model, new_context()).walk():
        if isinstance(op, AddOp):
            first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
            scales, points = (first.scale, second.scale), (first.zero_point, second.zero_point)
            activation = Activation[op.activation.data.upper()]
            output_range = activation_range(activation, output.scale, output.zero_point)
            assert found(add_parameters(scales, points, output.scale, output.zero_point, output_range))
            assert kernel_call(op).kernel is AFFINE_ADD
