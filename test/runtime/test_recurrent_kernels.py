"""The kernels of LSTM and SVDF against numpy, on rows that lie anywhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
from kernel_machine import Machine, run_kernel

from tinyts_mlir.kernels import catalogue
from tinyts_mlir.kernels.fixed_point_16 import sigmoids, tangents
from tinyts_mlir.kernels.numpy_rows import Window
from tinyts_mlir.kernels.parameters import Parameter
from tinyts_mlir.kernels.weight_packing import pack_row_quads, unpack_row_quads

LAYOUTS = {
    "lstm": "input_weights:P hidden_weights:P input_bias:P hidden_bias:P gate_multipliers:8i output_multiplier:i "
    "steps:I inputs:I units:H cell_clip:h gate_shifts:8b output_shift:b output_zero_point:b gates:B "
    "cell_integer_bits:B is_narrow:B",
    "svdf_features": "weights:P bias:P multiplier:i inputs:I filters:H shift:b",
    "svdf_sums": "weights:P bias:P multiplier:i steps:I units:H rank:H shift:b output_zero_point:b",
}
HALF = 1 << 30
"""A multiplier of one half."""
Rows = list[npt.NDArray[np.int8]]


def check(machine: Machine, kernel: str, parameters: Mapping[str, Parameter], rows: Rows) -> Rows:
    """Runs a kernel, and compares each row that it makes with numpy's."""
    expected = catalogue.run_kernel(kernel, parameters, [Window(row.reshape(1, -1)) for row in rows], 1)
    sizes = [row.size for row in expected]
    given = [row.tobytes() for row in rows]
    made = run_kernel(machine, f"tinyts_{kernel}", (LAYOUTS[kernel], parameters), given, sizes, 1)
    for row, wanted in zip(made, expected, strict=True):
        np.testing.assert_array_equal(np.frombuffer(row, np.int8), wanted.reshape(-1))
    return [row.reshape(-1) for row in expected]


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (4, 3), (5, 9), (8, 8), (13, 1), (2, 257)], ids=str)
def test_packed_rows_come_back(size: tuple[int, int]) -> None:
    weights = np.random.default_rng(size).integers(-128, 128, (3, *size), np.int8)
    packed = pack_row_quads(weights)
    assert packed.shape == (3, -(-size[0] // 4), -(-size[1] // 4), 4)
    np.testing.assert_array_equal(unpack_row_quads(packed, *size), weights)


def lstm_parameters(
    generator: np.random.Generator, steps: int, inputs: int, units: int, gates: int, cell_bits: int
) -> dict[str, Parameter]:
    """An LSTM with random weights, whose gates are neither flat nor always saturated."""
    rows = -(-units // 4) * 4
    lengths = [inputs] * gates + [units] * gates
    return {
        "input_weights": pack_row_quads(generator.integers(-128, 128, (gates, units, inputs), np.int8)),
        "hidden_weights": pack_row_quads(generator.integers(-128, 128, (gates, units, units), np.int8)),
        "input_bias": generator.integers(-90000, 90000, gates * rows, np.int32),
        "hidden_bias": generator.integers(-9000, 9000, gates * rows, np.int32),
        "gate_multipliers": tuple(int(HALF + generator.integers(HALF)) for _ in lengths) + (0,) * (8 - len(lengths)),
        "gate_shifts": tuple(-int(generator.integers(1, 6)) for _ in lengths) + (0,) * (8 - len(lengths)),
        "output_multiplier": int(HALF + generator.integers(HALF)),
        "output_shift": -22,
        "output_zero_point": int(generator.integers(-9, 9)),
        "steps": steps,
        "inputs": inputs,
        "units": units,
        "gates": gates,
        "cell_clip": int(generator.integers(2)) * 3000,
        "cell_integer_bits": cell_bits,
        "is_narrow": 1,
    }


def lstm_rows(generator: np.random.Generator, parameters: Mapping[str, Parameter]) -> Rows:
    steps, inputs, units = (int(parameters[name]) for name in ("steps", "inputs", "units"))  # pyright: ignore
    sizes = (steps * inputs, units, 2 * units)
    return [generator.integers(-128, 128, size, np.int8) for size in sizes]


@pytest.mark.parametrize("gates", [3, 4])
@pytest.mark.parametrize("units", [1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("inputs", [1, 2, 3, 4, 5, 7, 8, 12, 16, 22, 28, 33])
def test_lstm(machine: Machine, inputs: int, units: int, gates: int) -> None:
    generator = np.random.default_rng([inputs, units, gates])
    parameters = lstm_parameters(generator, 3, inputs, units, gates, int(generator.integers(7)))
    check(machine, "lstm", parameters, lstm_rows(generator, parameters))


@pytest.mark.parametrize("shift", [-31, -23, -22, -1, 0, 1, 31])
def test_lstm_with_any_scaling(machine: Machine, shift: int) -> None:
    """Sums of all 32 bits where it is not narrow, and of 30 where it is."""
    generator = np.random.default_rng(shift + 31)
    for is_narrow in (0, 1) if -22 <= shift <= -1 else (0,):
        parameters = lstm_parameters(generator, 4, 6, 5, 4, 3)
        limit = 1 << (29 if is_narrow else 31)
        parameters["input_bias"] = generator.integers(-limit, limit, 4 * 8).astype(np.int32)
        parameters["gate_shifts"] = (shift,) * 8
        parameters["is_narrow"] = is_narrow
        if not is_narrow:
            parameters["gate_multipliers"] = tuple(int(HALF * sign) for sign in (1, -1, 1, -1, -1, 1, 0, 1))
        check(machine, "lstm", parameters, lstm_rows(generator, parameters))


@pytest.mark.parametrize("cell_bits", range(7))
def test_functions_of_gates_and_cells(machine: Machine, cell_bits: int) -> None:
    """Values of all int16 as sums of every gate, and as cells: a unit for each."""
    values, units = np.arange(-(1 << 15), 1 << 15, 64).astype(np.int16), 64
    generator = np.random.default_rng(cell_bits)
    parameters = lstm_parameters(generator, 1, 1, units, 4, cell_bits)
    parameters |= {"input_weights": np.zeros((4, units // 4, 1, 4), np.uint32)}
    parameters |= {"hidden_weights": np.zeros((4, units // 4, units // 4, 4), np.uint32)}
    parameters |= {"hidden_bias": np.zeros(4 * units, np.int32)}
    # Twice a half: sums stay as they are.
    parameters |= {"gate_multipliers": (HALF,) * 8, "gate_shifts": (1,) * 8, "is_narrow": 0, "cell_clip": 0}
    nothing = [np.zeros(size, np.int8) for size in (1, units)]
    gates = np.stack([generator.permutation(values) for _ in range(5)]) + generator.integers(64, size=5)[:, None]
    for start in range(0, values.size, units):
        *sums, cells = gates[:, start : start + units]
        parameters["input_bias"] = np.concatenate(sums).astype(np.int32)
        check(machine, "lstm", parameters, [*nothing, cells.astype(np.int16).view(np.int8)])


def test_functions_are_near_the_real_ones() -> None:
    """And at the ends of their ranges, as LiteRT has them."""
    values = np.arange(1 << 16).astype(np.uint16).view(np.int16).astype(np.float64)
    real = 1 / (1 + np.exp(-values / 4096))
    assert np.abs(sigmoids() / 32768 - real).max() < 3e-4
    for bits in range(7):
        real = np.tanh(values * 2.0 ** (bits - 15))
        assert np.abs(tangents(bits) / 32768 - real).max() < 6e-4
    assert sigmoids()[0] == 1 << 14 and tangents(3)[0] == 0


@pytest.mark.parametrize("shift", [-31, -9, -1, 0, 5])
@pytest.mark.parametrize("filters", [1, 3, 4, 16, 17, 35])
@pytest.mark.parametrize("inputs", [1, 3, 4, 9])
def test_svdf_features(machine: Machine, inputs: int, filters: int, shift: int) -> None:
    generator = np.random.default_rng([inputs, filters, shift + 31])
    parameters: dict[str, Parameter] = {
        "weights": generator.integers(-128, 128, (filters, inputs), np.int8),
        "bias": generator.integers(-(1 << 31), 1 << 31, filters).astype(np.int32),
        "multiplier": int(HALF + generator.integers(HALF)),
        "inputs": inputs,
        "filters": filters,
        "shift": shift,
    }
    check(machine, "svdf_features", parameters, [generator.integers(-128, 128, inputs, np.int8)])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("units", [1, 2, 5, 8])
@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_svdf_sums(machine: Machine, steps: int, units: int, rank: int) -> None:
    """Sums that wrap as well."""
    generator = np.random.default_rng([steps, units, rank])
    filters = units * rank
    for shift in (-31, -24, -8, 0):
        parameters: dict[str, Parameter] = {
            "weights": generator.integers(-32768, 32768, (steps, filters)).astype(np.int16),  # pyright: ignore
            "bias": generator.integers(-(1 << 31), 1 << 31, units).astype(np.int32),
            "multiplier": int(HALF + generator.integers(HALF)),
            "steps": steps,
            "units": units,
            "rank": rank,
            "shift": shift,
            "output_zero_point": -128,
        }
        memory = generator.integers(-32768, 32768, (steps, filters)).astype(np.int16)
        check(machine, "svdf_sums", parameters, [memory.reshape(-1).view(np.int8)])
