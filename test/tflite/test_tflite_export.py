"""Modules go to `.tflite` and come back the same, and LiteRT runs what is exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import parse, real_models, text_of, without_value_names

from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

INPUT = "!quant.uniform<i8:f32, 0.05:-3>"
OUTPUT = "!quant.uniform<i8:f32, 0.08:4>"


def function(body: str, input: str, output: str) -> str:
    """A module of one function; `!i` and `!o` stand for the quantized types of input and output."""
    text = f"""
        func.func @main(%x : tensor<{input}x!i> loc("x")) -> tensor<{output}x!o>
            attributes {{tinyts.input_names = ["x"], tinyts.output_names = ["y"]}} {{
          {body}
          func.return %y : tensor<{output}x!o>
        }}"""
    return text.replace("!i", INPUT).replace("!o", OUTPUT)


def constant(name: str, shape: str, type: str, width: int = 8) -> str:
    """A constant with values that differ."""
    sizes = [int(size) for size in shape.split("x")]
    values = np.random.default_rng(0).integers(-100, 100, sizes).tolist()
    return f'%{name} = tinyts.constant dense<{values}> : tensor<{shape}xi{width}> as {type} loc("{name}")\n'


FILTER = "!quant.uniform<i8:f32, 0.02>"
FILTER_4 = "!quant.uniform<i8:f32:0, {0.02, 0.03, 0.01, 0.05}>"
BIAS = "!quant.uniform<i32:f32, 0.001>"
BIAS_4 = "!quant.uniform<i32:f32:0, {0.001, 0.0015, 0.0005, 0.0025}>"
DEPTHWISE_4 = "!quant.uniform<i8:f32:3, {0.02, 0.03, 0.01, 0.05}>"


def convolution(filter: str, attributes: str, input: str, output: str, filter_type: str = FILTER) -> str:
    """A convolution with a bias."""
    weights = constant("w", filter, filter_type) + constant("b", output.rpartition("x")[2], BIAS, 32)
    return function(
        f'{weights} %y = tinyts.conv_2d %x, %w, %b{attributes} : tensor<{output}x!o> loc("y")', input, output
    )


def depthwise(filter: str, attributes: str, input: str, output: str) -> str:
    """A depthwise convolution without a bias."""
    weights = constant("w", filter, DEPTHWISE_4)
    op = f'%y = tinyts.depthwise_conv_2d %x, %w{attributes} : tensor<{output}x!o> loc("y")'
    return function(f"{weights} {op}", input, output)


def unary(op: str, attributes: str, input: str, output: str) -> str:
    """An op without weights, on tensors of one quantization."""
    return function(f'%y = tinyts.{op} %x{attributes} : tensor<{output}x!o> loc("y")', input, output).replace(
        OUTPUT, INPUT
    )


def edges(input: str, output: str, last: str) -> str:
    """A function that takes and gives other elements than int8."""
    return f"""
        func.func @main(%x : tensor<1x5x6x4x{input}> loc("x")) -> tensor<1x5x6x4x{output}>
            attributes {{tinyts.input_names = ["x"], tinyts.output_names = ["y"]}} {{
          %a = tinyts.quantize %x : tensor<1x5x6x4x{INPUT}> loc("a")
          %y = tinyts.{last} %a : tensor<1x5x6x4x{output}> loc("y")
          func.return %y : tensor<1x5x6x4x{output}>
        }}"""


FULLY_CONNECTED = {
    "per tensor": constant("w", "4x6", FILTER) + '%y = tinyts.fully_connected %x, %w : tensor<1x4x!o> loc("y")',
    "per axis, bias, relu6": constant("w", "4x6", FILTER_4)
    + constant("b", "4", BIAS_4, 32)
    + '%y = tinyts.fully_connected %x, %w, %b {activation = relu6} : tensor<1x4x!o> loc("y")',
}

MODULES = {
    "conv": convolution("4x1x1x3", "", "1x5x6x3", "1x5x6x4"),
    "conv per axis": convolution("4x3x3x3", "", "1x5x6x3", "1x3x4x4", FILTER_4),
    "conv negative scales": convolution("2x1x1x3", "", "1x5x6x3", "1x5x6x2", "!quant.uniform<i8:f32:0, {-0.02, 0.0}>"),
    "conv same": convolution("4x3x3x3", " {padding = [1, 1, 1, 1], activation = relu}", "1x5x6x3", "1x5x6x4"),
    "conv same, stride": convolution(
        "4x3x3x3", " {stride = [2, 2], padding = [1, 1, 0, 1], activation = relu6}", "1x5x6x3", "1x3x3x4"
    ),
    "conv uneven": convolution(
        "4x4x1x3", " {stride = [3, 2], padding = [0, 1, 0, 0], activation = relu_n1_to_1}", "1x6x6x3", "1x2x3x4"
    ),
    "conv dilation": convolution("4x3x3x3", " {dilation = [2, 1], padding = [2, 2, 1, 1]}", "1x5x6x3", "1x5x6x4"),
    "conv groups": convolution("4x3x3x2", "", "1x5x6x4", "1x3x4x4", FILTER_4),
    "depthwise": depthwise("1x3x3x4", "", "1x5x6x4", "1x3x4x4"),
    "depthwise multiplier": depthwise(
        "1x5x3x4",
        " {stride = [2, 2], padding = [2, 2, 0, 1], activation = relu6}",
        "1x5x6x2",
        "1x3x3x4",
    ),
    "depthwise dilation": depthwise(
        "1x3x3x4", " {dilation = [1, 2], padding = [1, 1, 2, 2], activation = relu}", "1x5x6x4", "1x5x6x4"
    ),
    "average pool": unary("average_pool_2d", " {window = [5, 6]}", "1x5x6x4", "1x1x1x4"),
    "average pool same": unary(
        "average_pool_2d",
        " {window = [2, 3], stride = [2, 1], padding = [0, 1, 1, 1], activation = relu}",
        "1x5x6x4",
        "1x3x6x4",
    ),
    "max pool": unary("max_pool_2d", " {window = [2, 2], stride = [2, 2]}", "1x5x6x4", "1x2x3x4"),
    "max pool same": unary(
        "max_pool_2d", " {window = [3, 3], padding = [1, 1, 1, 1], activation = relu6}", "1x5x6x4", "1x5x6x4"
    ),
    "mean": function('%y = tinyts.mean %x : tensor<1x4x!o> loc("y")', "1x5x6x4", "1x4"),
    "mean keeping dimensions": function('%y = tinyts.mean %x : tensor<1x1x1x4x!o> loc("y")', "1x5x6x4", "1x1x1x4"),
    "sum": function('%y = tinyts.sum %x : tensor<1x4x!o> loc("y")', "1x5x6x4", "1x4"),
    "sum keeping dimensions": function('%y = tinyts.sum %x : tensor<1x1x1x4x!o> loc("y")', "1x5x6x4", "1x1x1x4"),
    "add": function(
        '%a = tinyts.leaky_relu %x {alpha = 0.25} : tensor<1x5x6x4x!o> loc("a")\n'
        '%y = tinyts.add %x, %a {activation = relu} : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    **{f"fully connected {name}": function(body, "1x6", "1x4") for name, body in FULLY_CONNECTED.items()},
    "fully connected vectors": function(FULLY_CONNECTED["per tensor"].replace("1x4x!o", "5x4x!o"), "1x5x6", "5x4"),
    "fully connected keeping dimensions": function(
        constant("w", "4x6", FILTER)
        + '%y = tinyts.fully_connected %x, %w {keep_dimensions = 1} : tensor<1x5x4x!o> loc("y")',
        "1x5x6",
        "1x5x4",
    ),
    "softmax": unary("softmax", "", "1x10", "1x10"),
    "softmax beta": unary("softmax", " {beta = 0.5}", "1x4x5x10", "1x4x5x10"),
    "reshape": unary("reshape", "", "1x5x6x4", "1x120"),
    "pad": unary("pad", " {padding = [1, 2, 3, 4]}", "1x5x6x4", "1x8x13x4"),
    "pad channels": unary("pad", " {padding = [0, 0, 1, 0], channels = [1, 2]}", "1x5x6x4", "1x5x7x7"),
    "concatenation and split": function(
        '%a, %b = tinyts.split %x {axis = 3} : (tensor<1x5x6x2x!i>, tensor<1x5x6x2x!i>) loc("a")\n'
        '%y = tinyts.concatenation %a, %b {axis = 1} : tensor<1x10x6x2x!i> loc("y")',
        "1x5x6x4",
        "1x10x6x2",
    ).replace(OUTPUT, INPUT),
    "pad with a value": unary("pad", " {padding = [1, 0, 0, 2], value = 5}", "1x5x6x4", "1x6x8x4"),
    "transpose": unary("transpose", " {permutation = [0, 3, 1, 2]}", "1x5x6x4", "1x4x5x6"),
    "strided slice": unary("strided_slice", " {begin = [0, 4, 1, 0], stride = [1, -2, 1, 3]}", "1x5x6x4", "1x3x4x2"),
    "gather": unary("gather", " {axis = 2, indices = [5, 0, 0]}", "1x5x6x4", "1x5x3x4"),
    "tile": unary("tile", " {multiples = [1, 1, 2, 3]}", "1x5x6x4", "1x5x12x12"),
    "broadcast to": unary("broadcast_to", "", "1x1x6x1", "1x5x6x4"),
    "mirror pad": unary("mirror_pad", " {padding = [0, 0, 1, 2, 0, 0, 0, 1]}", "1x5x6x4", "1x8x6x5"),
    "mirror pad, symmetric": unary(
        "mirror_pad", " {padding = [0, 0, 1, 2, 0, 0, 0, 1], symmetric = 1}", "1x5x6x4", "1x8x6x5"
    ),
    "depth to space": unary("depth_to_space", " {block_size = 2}", "1x5x6x4", "1x10x12x1"),
    "space to depth": unary("space_to_depth", " {block_size = 2}", "1x4x6x4", "1x2x3x16"),
    "resize nearest neighbor": unary("resize_nearest_neighbor", " {align_corners = 1}", "1x5x6x4", "1x9x7x4"),
    "resize bilinear": unary("resize_bilinear", " {half_pixel_centers = 1}", "1x5x6x4", "1x9x7x4"),
    "relu6": unary("relu6", "", "1x5x6x4", "1x5x6x4"),
    "relu": unary("relu", "", "1x5x6x4", "1x5x6x4"),
    "relu n1 to 1": unary("relu_n1_to_1", "", "1x5x6x4", "1x5x6x4"),
    "tanh": unary("tanh", "", "1x5x6x4", "1x5x6x4"),
    "hard swish": unary("hard_swish", "", "1x5x6x4", "1x5x6x4"),
    "abs": unary("abs", "", "1x5x6x4", "1x5x6x4"),
    "exp": unary("exp", "", "1x5x6x4", "1x5x6x4"),
    "log": unary("log", "", "1x5x6x4", "1x5x6x4"),
    "neg": unary("neg", "", "1x5x6x4", "1x5x6x4"),
    "gelu": unary("gelu", " {approximate = 1}", "1x5x6x4", "1x5x6x4"),
    "logistic": unary("logistic", "", "1x5x6x4", "1x5x6x4"),
    "quantize": unary("quantize", "", "1x5x6x4", "1x5x6x4"),
    "float edges": edges("f32", "f32", "dequantize"),
    "uint8 edges": edges("!quant.uniform<u8:f32, 0.02:7>", "!quant.uniform<u8:f32, 0.1:200>", "quantize"),
    "product with a constant": function(
        constant("w", "4", FILTER) + '%y = tinyts.mul %x, %w {activation = relu} : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "quotient by a constant": function(
        constant("w", "4", FILTER) + '%y = tinyts.div %x, %w {activation = relu} : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "sub of a constant": function(
        constant("w", "1x1x1x4", FILTER) + '%y = tinyts.sub %w, %x : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "minimum of a constant": function(
        constant("w", "1x1x1x4", FILTER) + '%y = tinyts.minimum %w, %x : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "maximum of a constant": function(
        constant("w", "1x1x1x4", FILTER) + '%y = tinyts.maximum %w, %x : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "squared difference of a constant": function(
        constant("w", "1x1x1x4", FILTER) + '%y = tinyts.squared_difference %w, %x : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "leaky relu": unary("leaky_relu", " {alpha = 0.1}", "1x5x6x4", "1x5x6x4"),
    "two inputs and outputs, shared weights": """
        func.func @main(%0 : tensor<1x2x!q> loc("left"), %1 : tensor<1x2x!q> loc("right"))
            -> (tensor<1x2x!q>, tensor<1x2x!q>)
            attributes {tinyts.input_names = ["left", "right"], tinyts.output_names = ["y1", "y2"]} {
          %w = tinyts.constant dense<[[1, 2], [-3, 4]]> : tensor<2x2xi8> as !quant.uniform<i8:f32, 0.1> loc("w")
          %2 = tinyts.fully_connected %0, %w : tensor<1x2x!q> loc("y1")
          %3 = tinyts.fully_connected %1, %w : tensor<1x2x!q> loc("y2")
          func.return %2, %3 : tensor<1x2x!q>, tensor<1x2x!q>
        }""".replace("!q>", INPUT + ">"),
}
MODULES = {
    name: text.replace(INPUT, "!quant.uniform<i8:f32, 0.00390625:-128>")
    if name.startswith(("softmax", "logistic"))
    else text
    for name, text in MODULES.items()
}


@pytest.mark.parametrize("name", MODULES)
def test_round_trip(name: str) -> None:
    module = without_value_names(parse(MODULES[name]))
    data = export_tflite(module)
    again = import_tflite(data, "exported")
    assert text_of(again, locations=True) == text_of(module, locations=True)
    assert export_tflite(again) == data


@pytest.mark.parametrize("name", MODULES)
def test_litert_runs_it(name: str) -> None:
    pytest.importorskip("ai_edge_litert")
    data = export_tflite(parse(MODULES[name]))
    model = ReferenceModel(data)
    file = read_tflite(data, "exported")
    assert [tensor.shape for tensor in model.outputs] == [file.tensors[index].shape for index in file.outputs]
    (zeros, *_) = standard_inputs(model.inputs, 1)
    model.run(zeros.arrays)


@pytest.mark.parametrize("path", real_models())
def test_real_models_round_trip(path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    original = path.read_bytes()
    module = import_tflite(original, path.name)
    exported = export_tflite(module)
    again = import_tflite(exported, path.name)
    assert text_of(again, locations=True) == text_of(module, locations=True)
    assert export_tflite(again) == exported
    expected, found = ReferenceModel(original), ReferenceModel(exported)
    assert [tensor.name for tensor in found.inputs] == [tensor.name for tensor in expected.inputs]
    for inputs in standard_inputs(expected.inputs, 1):
        for one, other in zip(expected.run(inputs.arrays), found.run(inputs.arrays), strict=True):
            np.testing.assert_array_equal(one, other)


def test_other_padding_becomes_a_pad() -> None:
    text = convolution("4x3x3x3", " {stride = [2, 2], padding = [2, 0, 1, 0]}", "1x5x6x3", "1x3x3x4")
    again = text_of(import_tflite(export_tflite(parse(text)), "exported"), locations=True)
    assert "tinyts.pad %0 {padding = [2, 0, 1, 0]}" in again
    assert f'tensor<1x7x7x3x{INPUT}> loc("y/padded")' in again
    assert "{stride = [2, 2]}" in again


@pytest.mark.parametrize("filter_type", [FILTER, FILTER_4])
def test_convolution_without_bias_gets_zeros(filter_type: str) -> None:
    body = constant("w", "4x1x1x3", filter_type) + '%y = tinyts.conv_2d %x, %w : tensor<1x5x6x4x!o> loc("y")'
    data = export_tflite(parse(function(body, "1x5x6x3", "1x5x6x4")))
    assert "dense<0> : tensor<4xi32>" in text_of(import_tflite(data, "exported"))
    pytest.importorskip("ai_edge_litert")
    ReferenceModel(data)


def test_constants_are_aligned() -> None:
    module = parse(MODULES["conv per axis"])
    data = export_tflite(module)
    for op in module.walk():
        if op.name == "tinyts.constant":
            content = op.properties["value"].data.data  # pyright: ignore
            assert data.index(content) % 16 == 0


def test_receive_of_everything_is_nothing() -> None:
    body = "%r = tinyts.receive %x : tensor<1x5x6x4x!i>\n%y = tinyts.leaky_relu %r {alpha = 0.5} : tensor<1x5x6x4x!o>"
    text = text_of(import_tflite(export_tflite(parse(function(body, "1x5x6x4", "1x5x6x4"))), "exported"))
    assert "receive" not in text
    assert "tinyts.leaky_relu %0" in text
    reshaped = function(body, "1x120", "1x5x6x4")
    assert "tinyts.reshape %0" in text_of(import_tflite(export_tflite(parse(reshaped)), "exported"))


def test_names_become_unique() -> None:
    body = """%a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x!o> loc("y")
              %b = tinyts.leaky_relu %a {alpha = 0.5} : tensor<1x4x!o> loc("x")
              %y = tinyts.leaky_relu %b {alpha = 0.5} : tensor<1x4x!o>"""
    file = read_tflite(export_tflite(parse(function(body, "1x4", "1x4"))), "exported")
    assert [tensor.name for tensor in file.tensors] == ["x", "y_1", "x_1", "y"]


def test_fully_connected_with_another_shape_gets_a_reshape() -> None:
    body = constant("w", "4x6", FILTER) + "%y = tinyts.fully_connected %x, %w : tensor<1x1x1x4x!o>"
    data = export_tflite(parse(function(body, "1x6", "1x1x1x4")))
    assert [layer.op for layer in read_tflite(data, "exported").layers] == ["FULLY_CONNECTED", "RESHAPE"]


REJECTED = {
    "expected whole tensors, got bands of rows": function(
        "%a = tinyts.receive %x : tensor<1x2x6x4x!i, #tinyts.rows<0:2 of 5>>\n"
        "%b = tinyts.receive %x : tensor<1x3x6x4x!i, #tinyts.rows<2:5 of 5>>\n"
        "%y = tinyts.leaky_relu [%a, %b] {alpha = 0.5} : tensor<1x5x6x4x!o>",
        "1x5x6x4",
        "1x5x6x4",
    ),
    "tinyts.join 'y': this op has no counterpart": function(
        '%a = tinyts.receive %x : tensor<1x5x6x4x!o>\n%y = tinyts.join %a : tensor<1x5x6x4x!o> loc("y")',
        "1x5x6x4",
        "1x5x6x4",
    ),
    "expected SAME or no padding": unary(
        "max_pool_2d", " {window = [3, 3], padding = [2, 2, 1, 1]}", "1x5x6x4", "1x7x6x4"
    ),
    "got a constant": function(constant("c", "1x4", OUTPUT) + "%y = tinyts.relu6 %c : tensor<1x4x!o>", "1x4", "1x4"),
    "a module with one function, got 0": "func.func private @other() -> ()",
}


@pytest.mark.parametrize("message", REJECTED)
def test_rejected(message: str) -> None:
    with pytest.raises(CompileError, match=r"^export to \.tflite: ") as caught:
        export_tflite(parse(REJECTED[message]))
    assert message in str(caught.value)
