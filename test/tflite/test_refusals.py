"""What LiteRT refuses is refused at import, and only that: the list of docs/litert-semantics.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tflite_files import CONVOLUTION, LAYERS, activation, integers, layer, model, weights

from tinyts_mlir.errors import UnsupportedModelError
from tinyts_mlir.tflite.file import FileQuantization, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.reference import ReferenceModel

INFINITE, NO_NUMBER = float("inf"), float("nan")


def refusal(file: TfliteFile) -> str | None:
    """Why the importer refuses a model."""
    try:
        import_tflite(write_tflite(file), "model.tflite")
    except UnsupportedModelError as error:
        [reason] = error.reasons
        return reason
    return None


def is_refused_by_litert(file: TfliteFile) -> bool:
    pytest.importorskip("ai_edge_litert")
    try:
        ReferenceModel(write_tflite(file))
    except ToolchainError:
        return True
    return False


def with_options(file: TfliteFile, **options: int) -> TfliteFile:
    """A model of one layer with other options, whose output is one pixel."""
    [only] = file.layers
    changed = tuple(
        replace(tensor, shape=(1, 1, 1, tensor.shape[-1])) if tensor.index in file.outputs else tensor
        for tensor in file.tensors
    )
    return replace(file, tensors=changed, layers=(replace(only, options={**only.options, **options}),))


@pytest.mark.parametrize("op", ["convolution", "depthwise", "average pool", "max pool"])
@pytest.mark.parametrize("option", ["StrideH", "StrideW", "DilationHFactor", "DilationWFactor"])
@pytest.mark.parametrize("value", [32767, 32768, 65535])
def test_strides_and_dilations(op: str, option: str, value: int) -> None:
    [only] = LAYERS[op].layers
    if "Dilation" in option and "pool" in op:
        return
    steps = {"StrideH": 9, "StrideW": 9, "Padding": 0}
    file = with_options(LAYERS[op], **{**steps, option: value})
    if "Dilation" in option:  # of a single tap, so that the window stays small
        tensors = list(file.tensors)
        filter = tensors[1]
        tensors[1] = replace(weights("w", filter.shape[0], 1, 1, filter.shape[3]), index=1, buffer=filter.buffer)
        buffers = list(file.buffers)
        buffers[filter.buffer] = np.frombuffer(tensors[1].data, np.uint8)
        file = replace(file, tensors=tuple(tensors), buffers=tuple(buffers))
    reason = refusal(file)
    assert (reason is not None) == is_refused_by_litert(file) == (value > 32767 and "pool" not in op)
    if reason is not None:
        expected = f"({only.op}): expected strides and dilations of at most 32767, as LiteRT does, got {value}"
        assert reason.endswith(expected)


def quantization(*scales: float) -> FileQuantization:
    return FileQuantization(scales, (0,) * len(scales), 0, is_custom=False)


def fully_connected(input: float, filter: Sequence[float], bias: Sequence[float] | None, output: float) -> TfliteFile:
    tensors = [
        activation("x", 1, 3, quantization=quantization(input)),
        replace(weights("w", 2, 3), quantization=quantization(*filter)),
        *([replace(weights("b", 2, type="int32"), quantization=quantization(*bias))] if bias is not None else []),
        activation("y", 1, 2, quantization=quantization(output)),
    ]
    last = len(tensors) - 1
    return model(tensors, [layer("FULLY_CONNECTED", range(last), [last])], [0], [last])


NEGATIVE, BIAS = "expected no negative product of the scales of input and filter", "expected a bias scale of"


@pytest.mark.parametrize(
    ("input", "filter", "bias", "output", "reason"),
    [
        (0.5, [0.5], None, 1.0, None),
        (0.5, [-0.5], None, 1.0, NEGATIVE),
        (-0.5, [0.5], None, 1.0, NEGATIVE),
        (-0.5, [-0.5], None, 1.0, None),
        (0.5, [-0.5], None, -1.0, NEGATIVE),
        (0.5, [-0.5], [-0.25], 1.0, NEGATIVE),
        (0.5, [-0.5, 0.5], None, 1.0, None),
        (0.5, [0.0], None, 1.0, None),
        (1e-30, [-1e-30], None, 1.0, None),
        (1e30, [-1e30], None, 1.0, NEGATIVE),
        (0.5, [0.5], [0.25], 1.0, None),
        (0.5, [0.5], [0.269], 1.0, None),
        (0.5, [0.5], [0.27], 1.0, BIAS),
        (0.5, [0.5], [0.2299], 1.0, BIAS),
        (0.5, [0.5], [0.0], 1.0, BIAS),
        (0.5, [0.5], [0.0], 12.6, None),
        (0.5, [0.5], [0.25, 0.25], 1.0, BIAS),
        (0.5, [0.5], [0.25, 0.25], 12.6, None),
        (0.5, [0.5], [0.5], -1.0, None),
        (0.5, [0.5, 0.5], [9.0], 1.0, None),
    ],
)
def test_scales_of_fully_connected(
    input: float, filter: Sequence[float], bias: Sequence[float] | None, output: float, reason: str | None
) -> None:
    file = fully_connected(input, filter, bias, output)
    assert is_refused_by_litert(file) == (reason is not None)
    found = refusal(file)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith(f"layer 0 'y' (FULLY_CONNECTED): {reason}")


def test_the_tolerance_of_a_bias_scale() -> None:
    """Within a few steps of float32 of the limit, and at random."""
    random = np.random.default_rng(0)
    for _ in range(300):
        input, filter, output = (float(np.float32(10.0 ** random.uniform(-6, 2))) for _ in range(3))
        bias = np.float32(input * filter + random.choice((-0.02, 0.02)) * output)
        for _ in range(int(random.integers(0, 3))):
            bias = np.nextafter(bias, np.float32(random.choice((-INFINITE, INFINITE))))
        file = fully_connected(input, [filter], [float(bias)], output)
        assert (refusal(file) is not None) == is_refused_by_litert(file), (input, filter, bias, output)


def indices(type: str, stated: int, name: str = "ARG_MAX") -> TfliteFile:
    """An ARG_MAX whose output has a type that its option may not state."""
    output = replace(activation("y", 1, 4, quantization=None), type=type)
    return model(
        [activation("x", 1, 4, 6), integers("axis", -1, shape=()), output],
        [replace(layer(name, [0, 1], [2], OutputType=stated), version=2)],
        [0],
        [2],
    )


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
def test_types_of_indices(name: str) -> None:
    for type, stated in (("int32", 2), ("int64", 4)):
        assert refusal(indices(type, stated, name)) is None
        assert not is_refused_by_litert(indices(type, stated, name))
    for stated in (0, 3, 9):
        assert is_refused_by_litert(indices("int32", stated, name))
        assert f"expected an output of the type that the layer says, {stated}, got int32" in str(
            refusal(indices("int32", stated, name))
        )
    assert "the type that the layer says, 4, got int32" in str(refusal(indices("int32", 4, name)))


@pytest.mark.parametrize(("type", "stated"), [("int32", 2), ("int64", 4)])
def test_what_moves_indices(type: str, stated: int) -> None:
    """UNPACK, which LiteRT has for int32."""
    found = indices(type, stated)
    parts = [replace(activation(f"part{i}", 1, quantization=None), type=type, index=3 + i) for i in range(4)]
    unpack = replace(layer("UNPACK", [2], [3, 4, 5, 6], Axis=1, Num=4), version=2, index=1)
    file = replace(found, tensors=(*found.tensors, *parts), layers=(*found.layers, unpack), outputs=(3, 4, 5, 6))
    assert is_refused_by_litert(file) == (type == "int64")
    assert (refusal(file) is None) == (type == "int32")


def test_what_computes_takes_no_indices() -> None:
    found = indices("int32", 2)
    output = replace(activation("z", 1, 4), index=3)
    absolute = replace(layer("RELU", [2], [3]), version=2, index=1)
    file = replace(found, tensors=(*found.tensors, output), layers=(*found.layers, absolute), outputs=(3,))
    assert "layer 1 'z' (RELU): expected int8 or int16 activations, got int32" in str(refusal(file))


@pytest.mark.parametrize("scale", [INFINITE, -INFINITE, NO_NUMBER])
@pytest.mark.parametrize("tensor", range(4))
def test_scales_that_are_not_finite(scale: float, tensor: int) -> None:
    """LiteRT takes some, but its bytes mean nothing."""
    tensors = list(CONVOLUTION.tensors)
    tensors[tensor] = replace(tensors[tensor], quantization=quantization(scale))
    if tensor == 0:
        with pytest.raises(UnsupportedModelError, match="expected finite scales"):
            import_tflite(write_tflite(replace(CONVOLUTION, tensors=tuple(tensors))), "model.tflite")
        return
    found = refusal(replace(CONVOLUTION, tensors=tuple(tensors)))
    assert found is not None
    assert "expected finite scales, got" in found
