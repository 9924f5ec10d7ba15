"""The kernels of streamed reductions: int32 state that is cleared, added to row by row, and finished.

Each kernel alone against numpy, and chains of them against the numpy kernel of the whole layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import reference_kernels as kernels
from kernel_machine import WORD_ALIGNMENT, Machine, run_kernel

from tinyts_mlir.kernels import catalogue
from tinyts_mlir.kernels.numpy_rows import Window
from tinyts_mlir.kernels.parameters import Parameter
from tinyts_mlir.quantization import FineMultipliers, fold_bias, mean_multiplier, wrap_int32

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]

LAYOUTS = {
    "clear": "row_bytes:I",
    "sum_rows": "width:H channels:H window_rows:H",
    "sum_unsigned_rows": "width:H channels:H window_rows:H",
    "mean_of_sums": "count:I channels:H output_minimum:b output_maximum:b",
    "mean_of_sums_ties_up": "count:I channels:H output_minimum:b output_maximum:b",
    "requantized_mean_of_sums": "multiplier:i offset:i channels:H shift:b output_zero_point:b",
    "requantized_unsigned_sums": "multiplier:i offset:i channels:H shift:b output_zero_point:b",
    "dot_rows": "weights:P row_bytes:I output_channels:I window_rows:H",
    "fully_connected_of_sums": "bias:P multipliers:P low_multipliers:P shifts:P output_channels:I per_channel:B "
    "output_zero_point:b output_minimum:b output_maximum:b",
}
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
Rows = Sequence[bytes | None]


def random_int8(generator: np.random.Generator, *shape: int) -> Int8Array:
    return generator.integers(-128, 128, shape, np.int8)


def call(
    machine: Machine, kernel: str, parameters: Mapping[str, Parameter], rows: Rows, outputs: Sequence[int | bytes]
) -> list[bytes]:
    """Makes so many output rows in one call."""
    alignment = WORD_ALIGNMENT if "of_sums" in kernel or kernel.endswith("_sums") else 1
    layout = (LAYOUTS[kernel], parameters)
    return run_kernel(machine, f"tinyts_{kernel}", layout, rows, outputs, len(outputs), input_alignment=alignment)


def accumulate(
    machine: Machine, kernel: str, parameters: Mapping[str, Parameter], rows: Int8Array, state_elements: int
) -> bytes:
    """The state behind all rows (on the first axis): clears it, and adds windows of them, the last with NULL rows."""
    [state] = call(machine, "clear", {"row_bytes": 4 * state_elements}, [], [4 * state_elements])
    window = int(parameters["window_rows"])  # pyright: ignore
    for start in range(0, len(rows), window):
        band: list[bytes | None] = [row.tobytes() for row in rows[start : start + window]]
        [state] = call(machine, kernel, parameters, band + [None] * (window - len(band)), [state])
    return state


def finish(machine: Machine, kernel: str, parameters: Mapping[str, Parameter], states: Sequence[bytes]) -> Int8Array:
    """What a finishing kernel makes of states, in one call; the numpy kernel makes the same."""
    channels = parameters["channels" if "channels" in parameters else "output_channels"]
    made = call(machine, kernel, parameters, states, [int(channels)] * len(states))  # pyright: ignore
    for state, row in zip(states, made, strict=True):
        window = Window(np.frombuffer(state, np.int8).reshape(1, -1))
        [expected] = catalogue.run_kernel(kernel, parameters, [window], 1)
        np.testing.assert_array_equal(np.frombuffer(row, np.int8), expected.reshape(-1))
    return np.stack([np.frombuffer(row, np.int8) for row in made])


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("row_bytes", [1, 3, 4, 8, 13, 64, 257])
def test_clear(machine: Machine, row_bytes: int, rows: int) -> None:
    assert call(machine, "clear", {"row_bytes": row_bytes}, [], [row_bytes] * rows) == [bytes(row_bytes)] * rows


@pytest.mark.parametrize("absent", [0, 1, 2])
@pytest.mark.parametrize("window_rows", [1, 2, 5])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7, 8, 17, 64])
@pytest.mark.parametrize("width", [1, 2, 5, 10, 256, 257])
@pytest.mark.parametrize("kernel", ["sum_rows", "sum_unsigned_rows"])
def test_sum_rows(machine: Machine, kernel: str, width: int, channels: int, window_rows: int, absent: int) -> None:
    """From any state; two windows in one call, of which the last lacks rows."""
    generator = np.random.default_rng([width, channels, window_rows, absent])
    states = generator.integers(-(1 << 30), 1 << 30, (2, channels), np.int32)
    rows = random_int8(generator, 2, window_rows, width, channels)
    rows[:, :, :, 0], rows[:, :, :, -1] = -128, 127
    given: list[bytes | None] = [row.tobytes() for row in rows.reshape(2 * window_rows, -1)]
    for number in range(min(absent, window_rows)):
        given[-1 - number] = None
        rows[-1, -1 - number] = 0
    parameters: dict[str, Parameter] = {"width": width, "channels": channels, "window_rows": window_rows}
    if kernel == "sum_unsigned_rows":
        rows = rows.view(np.uint8)
    made = call(machine, kernel, parameters, given, [state.tobytes() for state in states])
    expected = states + rows.sum(axis=(1, 2), dtype=np.int32)
    np.testing.assert_array_equal(np.stack([np.frombuffer(row, np.int32) for row in made]), expected)


@pytest.mark.parametrize("output_range", [(-128, 127), (-5, 90), (3, 3)], ids=str)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 15, 49, 490, 1 << 20, (1 << 24) - 2])
@pytest.mark.parametrize("kernel", ["mean_of_sums", "mean_of_sums_ties_up"])
def test_mean_of_sums(machine: Machine, kernel: str, count: int, output_range: tuple[int, int]) -> None:
    """All means, and sums around their ties."""
    around = [count * mean + count // 2 + step for mean in range(-128, 128) for step in (-1, 0, 1)]
    sums = np.clip(around, -128 * count, 127 * count).astype(np.int32)
    low, high = output_range
    parameters: dict[str, Parameter] = {"count": count, "channels": sums.size}
    parameters |= {"output_minimum": low, "output_maximum": high}
    finish(machine, kernel, parameters, [sums.tobytes(), sums[::-1].tobytes()])


LARGEST_SUM = 255 << 23
"""Of any map that `mean_multiplier` takes, its zero point subtracted."""
SHIFTS = [-31, -30, -17, -9, -2, -1, 0, 1, 5, 30, 31]


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("multiplier", [0, 1, 1 << 29, (1 << 30) + 12345, INT32_MAX, -(1 << 30), -INT32_MAX])
@pytest.mark.parametrize("kernel", ["requantized_mean_of_sums", "requantized_unsigned_sums"])
def test_requantized_sums(machine: Machine, kernel: str, multiplier: int, shift: int) -> None:
    generator = np.random.default_rng([abs(multiplier), shift + 31])
    any_sums = generator.integers(-LARGEST_SUM, LARGEST_SUM, 50)
    # near what makes a byte, where the multiplier can
    near = generator.uniform(-200, 200, 200) * 2.0 ** (31 - shift) / (multiplier or 1)
    near = np.clip(near, -LARGEST_SUM, LARGEST_SUM).astype(np.int64)
    differences = np.concatenate([any_sums, near, [0, 1, -1, -LARGEST_SUM, LARGEST_SUM]])
    for offset, zero_point in ((0, 0), (-3 * 49, 127), (128 * 490, -128), (128 << 23, 5)):
        sums = wrap_int32(differences - offset)
        parameters: dict[str, Parameter] = {"multiplier": multiplier, "offset": offset, "channels": sums.size}
        parameters |= {"shift": shift, "output_zero_point": zero_point}
        finish(machine, kernel, parameters, [sums.tobytes()])


SIZES = [(1, 1, 1), (3, 5, 2), (7, 7, 17), (12, 2, 3), (49, 10, 8)]
"""Rows, columns, channels of maps."""
sizes = pytest.mark.parametrize("size", SIZES, ids=str)
window_rows = pytest.mark.parametrize("window_rows", [1, 2, 3])


@sizes
@window_rows
@pytest.mark.parametrize("ties_up", [False, True])
def test_streamed_average_pool(machine: Machine, size: tuple[int, int, int], window_rows: int, ties_up: bool) -> None:
    rows, width, channels = size
    map = random_int8(np.random.default_rng(size), *size)
    parameters: dict[str, Parameter] = {"width": width, "channels": channels, "window_rows": window_rows}
    state = accumulate(machine, "sum_rows", parameters, map, channels)
    parameters = {"count": rows * width, "channels": channels, "output_minimum": -3, "output_maximum": 120}
    expected = kernels.average_pool_2d(map, (rows, width), output_range=(-3, 120), ties_up=ties_up)
    got = finish(machine, "mean_of_sums_ties_up" if ties_up else "mean_of_sums", parameters, [state])
    np.testing.assert_array_equal(got.reshape(-1), expected.reshape(-1))


@sizes
@window_rows
@pytest.mark.parametrize("scale", [0.05, 0.02, 0.3, -0.007])
def test_streamed_mean(machine: Machine, size: tuple[int, int, int], window_rows: int, scale: float) -> None:
    rows, width, channels = size
    map = random_int8(np.random.default_rng(size), *size)
    parameters: dict[str, Parameter] = {"width": width, "channels": channels, "window_rows": window_rows}
    state = accumulate(machine, "sum_rows", parameters, map, channels)
    multiplier, shift = mean_multiplier(0.05, scale, rows * width)
    expected = kernels.mean(map, multiplier, shift, input_zero_point=-7, output_zero_point=11)
    parameters = {
        "multiplier": multiplier,
        "offset": 7 * rows * width,
        "channels": channels,
        "shift": shift,
        "output_zero_point": 11,
    }
    np.testing.assert_array_equal(finish(machine, "requantized_mean_of_sums", parameters, [state])[0], expected)


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("taken", [0, 2])
@pytest.mark.parametrize("window_rows", [1, 2, 3])
@pytest.mark.parametrize("output_channels", [1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("row_bytes", [1, 3, 4, 7, 16, 33])
def test_dot_rows(
    machine: Machine, row_bytes: int, output_channels: int, window_rows: int, taken: int, absent: bool
) -> None:
    """From any sums, which may wrap, behind rows that have been taken before."""
    generator = np.random.default_rng([row_bytes, output_channels, window_rows, taken])
    weights = random_int8(generator, taken + window_rows, output_channels, row_bytes)
    rows = random_int8(generator, window_rows, row_bytes)
    rows[0], weights[taken] = -128, -128
    sums = generator.choice([INT32_MAX, INT32_MIN, 0, 12345], output_channels).astype(np.int32)
    state = np.append(sums, np.int32(taken)).astype(np.int32)
    given: list[bytes | None] = [row.tobytes() for row in rows]
    if absent:
        given[-1] = None
    parameters: dict[str, Parameter] = {
        "weights": weights,
        "row_bytes": row_bytes,
        "output_channels": output_channels,
        "window_rows": window_rows,
    }
    [made] = call(machine, "dot_rows", parameters, given, [state.tobytes()])
    present = rows[: window_rows - absent]
    windows = [Window(present), Window(state.view(np.int8).reshape(1, -1))]
    [expected] = catalogue.run_kernel("dot_rows", parameters, windows, 1)
    np.testing.assert_array_equal(np.frombuffer(made, np.int32), expected.reshape(-1).view(np.int32))
    assert np.frombuffer(made, np.int32)[-1] == taken + len(present)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("output_channels", [1, 2, 5, 10])
@window_rows
@sizes
def test_streamed_fully_connected(
    machine: Machine, size: tuple[int, int, int], window_rows: int, output_channels: int, per_channel: bool
) -> None:
    rows, width, channels = size
    generator = np.random.default_rng([*size, output_channels, per_channel])
    map = random_int8(generator, rows, width * channels)
    weights = random_int8(generator, output_channels, map.size)
    bias: Int32Array = generator.integers(-20000, 20000, output_channels, np.int32)
    bias[::3] = generator.choice([INT32_MIN, INT32_MAX])
    scales = output_channels if per_channel else 1
    multipliers = generator.integers(1 << 30, 1 << 31, scales).astype(np.int32) * generator.choice([-1, 1], scales)
    shifts = np.full(scales, -int(np.log2(5500 / 60 * np.sqrt(map.size))), np.int32)
    lows = generator.integers(0, 1 << 22, scales).astype(np.uint32) << 10 if channels % 2 else None
    expected = kernels.fully_connected_in_integers(
        map.reshape(1, -1),
        weights,
        bias,
        FineMultipliers(multipliers.astype(np.int32), shifts, lows),
        input_zero_point=-9,
        output_zero_point=4,
        output_range=(-100, 127),
    )
    by_rows = np.ascontiguousarray(weights.reshape(output_channels, rows, -1).transpose(1, 0, 2))
    parameters: dict[str, Parameter] = {
        "weights": by_rows,
        "row_bytes": map.shape[1],
        "output_channels": output_channels,
        "window_rows": window_rows,
    }
    state = accumulate(machine, "dot_rows", parameters, map, output_channels + 1)
    parameters = {
        "bias": fold_bias(bias, weights.sum(1, np.int64), -9),
        "multipliers": multipliers.astype(np.int32),
        **({} if lows is None else {"low_multipliers": lows.view(np.int32)}),
        "shifts": shifts.astype(np.int8),
        "output_channels": output_channels,
        "per_channel": int(per_channel),
        "output_zero_point": 4,
        "output_minimum": -100,
        "output_maximum": 127,
    }
    np.testing.assert_array_equal(finish(machine, "fully_connected_of_sums", parameters, [state]), expected)
