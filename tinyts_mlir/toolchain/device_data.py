"""A device's data, computed here: what goes over the line for an input, and which results LiteRT's kernels give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tinyts_mlir.mlperf_tiny import Conventions, InputEncoding, Result
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import NamedInput
from tinyts_mlir.toolchain.reference import ReferenceModel, TensorDetails

Int8Array = npt.NDArray[np.int8]
Float32Array = npt.NDArray[np.float32]


def encode(array: Int8Array, tensor: TensorDetails, encoding: InputEncoding, seed: int = 0) -> bytes:
    """What goes over the line for an input of the model.

    As float32 there are many inputs that quantize to the same bytes: this gives one off the quantized values, by up to
    0.4 of a step, so that a result that compares with the input tells a float from its quantized value.
    """
    match encoding:
        case InputEncoding.INT8:
            return array.tobytes()
        case InputEncoding.UINT8:
            return (array.astype(np.int16) + 128).astype(np.uint8).tobytes()
        case InputEncoding.FLOAT32:
            away = np.random.default_rng(seed).uniform(-0.4, 0.4, array.shape)
            values = (array.astype(np.float64) - tensor.zero_point + away) * tensor.scale
            return values.astype("<f4").tobytes()


def quantize(values: Float32Array, tensor: TensorDetails) -> Int8Array:
    """float32 values as the device quantizes them: in float32, to the nearest, ties away from zero."""
    steps = values.astype(np.float32) / np.float32(tensor.scale)
    away = np.trunc(steps) + np.trunc(2 * (steps - np.trunc(steps)))
    return np.clip(np.nan_to_num(away, nan=0.0) + tensor.zero_point, -128, 127).astype(np.int8)


def decode(data: bytes, tensor: TensorDetails, encoding: InputEncoding) -> Int8Array:
    """The model's input for what went over the line."""
    match encoding:
        case InputEncoding.INT8:
            array = np.frombuffer(data, np.int8)
        case InputEncoding.UINT8:
            array = (np.frombuffer(data, np.uint8).astype(np.int16) - 128).astype(np.int8)
        case InputEncoding.FLOAT32:
            array = quantize(np.frombuffer(data, "<f4"), tensor)
    return array.reshape(tensor.shape)


def expected_results(reference: ReferenceModel, data: bytes, conventions: Conventions) -> tuple[str, ...]:
    """What a device must print after it got `data`, by LiteRT's kernels."""
    [input_tensor], [output_tensor] = reference.inputs, reference.outputs
    [output] = reference.run([decode(data, input_tensor, conventions.encoding)])
    values = dequantize(output.reshape(-1), output_tensor)
    if conventions.result is Result.MEAN_SQUARED_ERROR:
        differences = values.astype(np.float64) - np.frombuffer(data, "<f4").astype(np.float64)
        # Added one by one, as the device adds them.
        values = [sum((differences * differences).tolist()) / differences.size]
    return tuple(f"{value:.3f}" for value in values)


def dequantize(array: Int8Array, tensor: TensorDetails) -> Float32Array:
    """What int8 values stand for, in float32."""
    return (array.astype(np.float32) - np.float32(tensor.zero_point)) * np.float32(tensor.scale)


def require_device_model(reference: ReferenceModel) -> None:
    """Raise a ToolchainError for a model that no device can have."""
    if (len(reference.inputs), len(reference.outputs)) != (1, 1):
        raise ToolchainError("the device's model has one input and one output")
    for tensor in (*reference.inputs, *reference.outputs):
        if tensor.dtype != np.int8 or tensor.scale <= 0:
            raise ToolchainError(f"tensor {tensor.name}: expected int8 with a scale")


def encode_all(inputs: Sequence[NamedInput], tensor: TensorDetails, encoding: InputEncoding) -> list[bytes]:
    """What goes over the line for each input."""
    return [encode(inference.arrays[0], tensor, encoding, seed=number) for number, inference in enumerate(inputs)]
