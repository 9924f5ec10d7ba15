"""Files of uint8 tensors: int8 ops stand for their layers, and what they take, give and compute stays the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import text_of, without_value_names
from tflite_files import CONVOLUTION, LAYERS, activation, as_uint8, layer, model, weights
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects.tinyts import ConstantOp, Conv2DOp, FullyConnectedOp, QuantizeOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.quantization import concatenation_table, requantization_table
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.file import FileQuantization, FileTensor, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.registry import find_rule
from tinyts_mlir.tflite.rule import Unsigned
from tinyts_mlir.tflite.writer import write_tflite


def unsigned(tensor: FileTensor, scale: float = 0.05, zero_point: int = 100) -> FileTensor:
    """A tensor as one of uint8."""
    return replace(tensor, type="uint8", quantization=FileQuantization((scale,), (zero_point,), 0, is_custom=False))


def check(file: TfliteFile) -> ModuleOp:
    """The module of a file, which makes what LiteRT makes."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")
    from tinyts_mlir.toolchain.inputs import standard_inputs
    from tinyts_mlir.toolchain.reference import ReferenceModel

    data = write_tflite(file)
    module = import_tflite(data, "model.tflite")
    reference = ReferenceModel(data)
    for inference in standard_inputs(reference.inputs, 4):
        expected, got = reference.run(inference.arrays), run_function(module, inference.arrays)
        for one, other in zip(expected, got, strict=True):
            assert one.dtype == other.dtype
            assert one.reshape(-1).tolist() == other.reshape(-1).tolist()
    return module


def ops_of(module: ModuleOp) -> list[str]:
    [function] = functions(module)
    return [op.name.removeprefix("tinyts.") for op in function.body.block.ops]


def constants_of(module: ModuleOp) -> list[ConstantOp]:
    return [op for op in module.walk() if isinstance(op, ConstantOp)]


SHIFTED = [
    name
    for name, file in LAYERS.items()
    if all((rule := find_rule(one.op)) and rule.unsigned is Unsigned.SHIFTED for one in file.layers)
]


NOT_RUN = ("div", "split v", "broadcast to")
"""Of these LiteRT takes no such layer of int8 either, or ends where a divisor is zero; `test/e2e` has others."""


@pytest.mark.parametrize("name", [name for name in SHIFTED if name not in NOT_RUN])
def test_layers(name: str) -> None:
    module = check(as_uint8(LAYERS[name]))
    assert text_of(module).count("u8:f32") >= 1  # inputs stay as they are


@pytest.mark.parametrize("name", ["convolution", "depthwise", "average pool", "transposed convolution"])
def test_what_is_exported_is_imported_the_same(name: str) -> None:
    module = import_tflite(write_tflite(as_uint8(LAYERS[name])), "model.tflite")
    data = export_tflite(module)
    again = import_tflite(data, "again.tflite")
    assert text_of(without_value_names(again), locations=True) == text_of(without_value_names(module), locations=True)
    assert export_tflite(again) == data


def dense(filter: np.ndarray, zero_point: int) -> TfliteFile:
    """A FULLY_CONNECTED of uint8 with these weights."""
    stored = filter.astype(np.uint8)
    constant = unsigned(replace(weights("w", *filter.shape), data=stored.tobytes()), 0.02, zero_point)
    result = unsigned(activation("y", 1, filter.shape[0]), 0.3, 90)
    bias = LAYERS["fully connected"].tensors[2]
    bias = replace(weights("b", filter.shape[0], type="int32"), quantization=bias.quantization)
    source = unsigned(activation("x", 1, filter.shape[1]))
    return model([source, constant, bias, result], [layer("FULLY_CONNECTED", [0, 1, 2], [3])], [0], [3])


def test_dense_weights_that_fit_are_folded() -> None:
    """Less their zero point they are int8, and as fast as those of int8 models."""
    filter = np.random.default_rng(0).integers(20, 240, (4, 30))
    module = check(dense(filter, 120))
    [connection] = [op for op in module.walk() if isinstance(op, FullyConnectedOp)]
    constant = connection.filter.owner
    assert isinstance(constant, ConstantOp)
    stored = np.frombuffer(constant.value.data.data, np.int8).reshape(filter.shape)
    assert np.array_equal(stored, filter - 120)


@pytest.mark.parametrize("zero_point", [0, 60, 127, 128, 129, 255])
def test_dense_weights_that_do_not_fit_keep_their_zero_point(zero_point: int) -> None:
    filter = np.random.default_rng(zero_point).integers(0, 256, (5, 37))
    filter[0, :2] = 0, 255
    module = check(dense(filter, zero_point))
    [connection] = [op for op in module.walk() if isinstance(op, FullyConnectedOp)]
    fits = zero_point == 128
    assert ("0.02:" in str(connection.filter.type)) == (not fits)


@pytest.mark.parametrize("zero_point", [0, 3, 128, 255])
@pytest.mark.parametrize("kind", ["convolution", "depthwise"])
def test_weights_of_all_bytes(kind: str, zero_point: int) -> None:
    file = as_uint8(LAYERS[kind])
    tensors, buffers = list(file.tensors), list(file.buffers)
    quantization = FileQuantization((0.02,), (zero_point,), 0, is_custom=False)
    tensors[1] = replace(tensors[1], quantization=quantization)
    stored = np.random.default_rng(1).integers(0, 256, len(buffers[1])).astype(np.uint8)
    stored[:2] = 0, 255
    buffers[1] = stored
    check(replace(file, tensors=tuple(tensors), buffers=tuple(buffers)))


def chain(*tensors: FileTensor, ops: str, outputs: list[int]) -> TfliteFile:
    """Layers of one operand one behind the other."""
    layers = [layer(op, [number], [number + 1]) for number, op in enumerate(ops.split())]
    return model(tensors, layers, [0], outputs)


X, Y = activation("x", 1, 7), unsigned(activation("y", 1, 7), 0.07, 30)


def test_from_int8_and_back() -> None:
    """QUANTIZE into uint8, layers of such, QUANTIZE into int8: what is uint8 in between is int8 here."""
    relu = unsigned(activation("r", 1, 7), 0.05, 20)
    module = check(chain(X, Y, relu, activation("z", 1, 7), ops="QUANTIZE RELU QUANTIZE", outputs=[3]))
    assert "u8" not in text_of(module).replace("u8:f32, 0.07:30", "")
    module = check(chain(X, Y, relu, activation("z", 1, 7), ops="QUANTIZE RELU QUANTIZE", outputs=[2, 1, 3]))
    assert text_of(module).count("func.return") == 1


def test_into_float() -> None:
    """What only DEQUANTIZE reads stays uint8, as before there were other layers of such."""
    floats = replace(activation("f", 1, 7, quantization=None), type="float32")
    module = check(chain(X, Y, floats, ops="QUANTIZE DEQUANTIZE", outputs=[2]))
    assert ops_of(module) == ["quantize", "dequantize", "func.return"]
    module = check(
        chain(floats, Y, unsigned(activation("r", 1, 7), 0.05, 20), floats, ops="QUANTIZE RELU DEQUANTIZE", outputs=[3])
    )
    assert ops_of(module)[-3:] == ["relu", "dequantize", "func.return"]


def test_an_input_is_flipped_once() -> None:
    """Two layers read it, an output is it, and it is flipped where the first of them reads it."""
    tensors = [unsigned(activation(name, 1, 7), 0.05, 20) for name in "xyz"]
    file = model(tensors, [layer("RELU", [0], [1]), layer("ADD", [0, 1], [2])], [0], [2, 1, 2])
    module = check(file)
    flips = [op for op in module.walk() if isinstance(op, QuantizeOp)]
    assert len(flips) == 1 + 3


def test_constants() -> None:
    """An operand that is a constant, which is an output as well, and one that both convolutions and layers read."""
    constant = unsigned(weights("c", 1, 7), 0.05, 20)
    tensors = [unsigned(activation("x", 1, 7)), constant, unsigned(activation("y", 1, 7), 0.1, 40)]
    check(model(tensors, [layer("ADD", [0, 1], [2])], [0], [2, 1]))
    file = as_uint8(CONVOLUTION)
    other = replace(file.layers[0], index=1, op="RELU", options={}, options_type="NONE", inputs=(1,), outputs=(4,))
    result = unsigned(activation("z", 4, 3, 3, 3), 0.02, 128)
    result = replace(result, index=4)
    with pytest.raises(CompileError, match="expected a batch of 1"):
        import_tflite(
            write_tflite(replace(file, tensors=(*file.tensors, result), layers=(*file.layers, other), outputs=(3, 4))),
            "model.tflite",
        )


@pytest.mark.parametrize("seed", range(24))
def test_concatenation_requantizes(seed: int) -> None:
    """Every byte of an operand of another quantization; where a QUANTIZE makes other bytes, it is refused."""
    random = np.random.default_rng(seed)
    scales = [0.05, 0.1, 0.025] if seed < 4 else random.uniform(0.005, 0.1, 3).tolist()
    points = [128, 3, 128] if seed < 2 else random.integers(0, 256, 3).tolist()
    every = unsigned(replace(weights("c", 1, 256), data=bytes(range(256))), scales[1], points[1])
    source = unsigned(activation("x", 1, 4), scales[0], points[0])
    result = unsigned(activation("y", 1, 260), scales[2], points[2])
    file = model([source, every, result], [layer("CONCATENATION", [0, 1], [2], Axis=1)], [0], [2])
    try:
        check(file)
    except CompileError as error:
        assert "requantized in single precision" in str(error)
        alike = [
            np.array_equal(
                requantization_table(scale, point - 128, scales[2], points[2] - 128),
                concatenation_table(scale, point - 128, scales[2], points[2] - 128),
            )
            for scale, point in zip(scales[:2], points[:2], strict=True)
        ]
        assert not all(alike)


@pytest.mark.parametrize("seed", range(40))
def test_concatenation_table(seed: int) -> None:
    """The table is what LiteRT makes of every byte."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")
    from tinyts_mlir.toolchain.reference import ReferenceModel

    random = np.random.default_rng(seed)
    scale, target = (float(np.float32(value)) for value in 10.0 ** random.uniform(-3, 1, 2))
    if seed % 4 == 0:
        scale = target * float(random.choice([0.5, 1.5, 0.25, 3.0]))  # ties
    points = random.integers(0, 256, 2).tolist()
    tensors = [
        unsigned(activation("x", 1, 256), scale, points[0]),
        unsigned(activation("y", 1, 256), target, points[1]),
    ]
    file = model(tensors, [layer("CONCATENATION", [0], [1], Axis=1)], [0], [1])
    [made] = ReferenceModel(write_tflite(file)).run([np.arange(256, dtype=np.uint8).reshape(1, 256)])
    expected = concatenation_table(scale, points[0] - 128, target, points[1] - 128)
    assert (made.reshape(-1).astype(np.int64) - 128).tolist() == expected.tolist()


def test_an_int8_layer_among_unsigned_ones_is_not_exported() -> None:
    """TFLite would need an int8 file and a uint8 one."""
    first = import_tflite(write_tflite(as_uint8(CONVOLUTION)), "first.tflite")
    text = text_of(first)
    [convolution] = [op for op in first.walk() if isinstance(op, Conv2DOp)]
    assert convolution.is_of_unsigned_layer and "u8:f32, 0.02:128" in text
    pool = LAYERS["average pool"]
    mixed = import_tflite(write_tflite(as_uint8(pool)), "pool.tflite")
    [function] = functions(mixed)
    for op in list(function.body.block.ops):
        if op.name == "tinyts.average_pool_2d":
            clone = op.clone()
            del clone.properties["ties"]
            function.body.block.insert_op_before(clone, op)
    with pytest.raises(CompileError, match="expected a layer that LiteRT does with uint8, as it does"):
        export_tflite(mixed)
