"""What is known of a file's layers when it is read, and which of them are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tflite_files import activation, integers, layer, model, weights

from tinyts_mlir.tflite.constant_folding import FOLDS, OPTIONS, fold_constants
from tinyts_mlir.tflite.file import FileLayer, FileTensor, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.writer import write_tflite


def unknown(name: str, *shape: int, type: str = "int32") -> FileTensor:
    """A tensor of integers that a layer makes."""
    return replace(activation(name, *shape, quantization=None), type=type)


def plain_layer(op: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> FileLayer:
    """A layer with options also where there is no rule for its op."""
    type = OPTIONS[op][0] if op in OPTIONS else "NONE"
    made = layer(op, inputs, outputs, **options)
    return replace(made, options_type=type) if made.options_type == "NONE" else made


BATCH = [
    plain_layer("SHAPE", [0], [1]),
    plain_layer("STRIDED_SLICE", [1, 2, 3, 3], [4], ShrinkAxisMask=1),
    plain_layer("PACK", [4, 5], [6], ValuesCount=2),
    layer("RESHAPE", [0, 6], [7]),
]


def reshaped(batch: int) -> TfliteFile:
    """What converters write for a Flatten."""
    return model(
        [
            replace(activation("x", batch, 2, 3), signature=(-1, 2, 3)),
            unknown("shape", 3),
            integers("zero", 0),
            integers("one", 1),
            unknown("batch"),
            integers("rest", 6, shape=()),
            unknown("wanted", 2),
            replace(activation("y", batch, 6), signature=(-1, 6)),
        ],
        BATCH,
        [0],
        [7],
    )


@pytest.mark.parametrize("batch", [1, -1, 0])
def test_the_shape_of_a_reshape_is_worked_out(batch: int) -> None:
    text = str(import_tflite(write_tflite(reshaped(batch)), "model"))
    assert "tinyts.reshape" in text
    assert "tensor<1x6x" in text


@pytest.mark.parametrize(
    ("op", "inputs", "shape", "options", "expected"),
    [
        ("ADD", [[1, 2], [10]], (2,), {}, [11, 12]),
        ("SUB", [[1, 2], [10]], (2,), {}, [-9, -8]),
        ("MUL", [[1, 2], [10]], (2,), {}, [10, 20]),
        ("CAST", [[1, 2]], (2,), {}, [1, 2]),
        ("CONCATENATION", [[1, 2], [3]], (3,), {"Axis": 0}, [1, 2, 3]),
        ("EXPAND_DIMS", [[1, 2], [0]], (1, 2), {}, [[1, 2]]),
        ("SQUEEZE", [[1]], (), {}, 1),
        ("FILL", [[2, 2], [7]], (2, 2), {}, [[7, 7], [7, 7]]),
        ("GATHER", [[5, 6, 7], [2, 0]], (2,), {"Axis": 0}, [7, 5]),
        ("RANGE", [[1], [7], [2]], (3,), {}, [1, 3, 5]),
        ("REDUCE_PROD", [[2, 3, 4], [0]], (1,), {"KeepDims": True}, [24]),
        ("SLICE", [[1, 2, 3], [1], [-1]], (2,), {}, [2, 3]),
        ("TILE", [[1, 2], [2]], (4,), {}, [1, 2, 1, 2]),
        ("BROADCAST_TO", [[3], [3]], (3,), {}, [3, 3, 3]),
        ("STRIDED_SLICE", [[1, 2, 3, 4], [3], [0], [-2]], (2,), {}, [4, 2]),
        ("STRIDED_SLICE", [[1, 2, 3, 4], [1], [1], [1]], (3,), {"EndMask": 1}, [2, 3, 4]),
    ],
)
def test_layers_on_known_integers(
    op: str, inputs: list[list[int]], shape: tuple[int, ...], options: dict[str, Any], expected: Any
) -> None:
    count = len(inputs)
    tensors = [*(integers(f"c{n}", *values) for n, values in enumerate(inputs)), unknown("y", *shape)]
    file = model(tensors, [plain_layer(op, range(count), [count], **options)], [], [count])
    # Options are read with the schema's defaults, so the file is written and read.
    folded = fold_constants(read_tflite(write_tflite(file), "model"))
    assert not folded.layers
    found = folded.tensors[count]
    got = np.frombuffer(folded.buffers[found.buffer].tobytes(), np.int32).reshape(found.shape)
    np.testing.assert_array_equal(got, np.array(expected, np.int32))


def test_what_cannot_be_known_stays() -> None:
    tensors = [unknown("x", 2), integers("c", 1, 2), unknown("y", 2), activation("z", 1, 2)]
    file = model(tensors, [plain_layer("ADD", [0, 1], [2])], [0], [2])
    assert len(fold_constants(read_tflite(write_tflite(file), "model")).layers) == 1


@pytest.mark.parametrize("op", sorted(FOLDS))
def test_damaged_layers_stay(op: str) -> None:
    file = model([integers("c", 1, 2, 3), unknown("y", 1)], [plain_layer(op, [], [1])], [], [1])
    assert len(fold_constants(read_tflite(write_tflite(file), "model")).layers) == 1


def test_results_that_would_be_too_large_are_not_made() -> None:
    tensors = [integers("shape", 1 << 20, 1 << 20), integers("value", 1), unknown("y", 1)]
    file = model(tensors, [plain_layer("FILL", [0, 1], [2])], [], [2])
    assert len(fold_constants(read_tflite(write_tflite(file), "model")).layers) == 1


def test_layers_that_nothing_reads_go() -> None:
    tensors = [activation("x", 1, 4), weights("w", 4, 4), *(activation(name, 1, 4) for name in "abc")]
    layers = [
        layer("FULLY_CONNECTED", [0, 1], [2]),
        FileLayer(0, "UNHEARD_OF", 1, (2,), (3,), "NONE", {}),
        layer("LEAKY_RELU", [0], [4], Alpha=0.1),
    ]
    file = fold_constants(model(tensors, layers, [0], [4]))
    assert [left.op for left in file.layers] == ["LEAKY_RELU"]


def test_outputs_may_be_inputs_and_come_twice() -> None:
    tensors = [activation("x", 1, 4), activation("y", 1, 4)]
    module = import_tflite(
        write_tflite(model(tensors, [layer("LEAKY_RELU", [0], [1], Alpha=0.1)], [0], [1, 0, 1])), "model"
    )
    assert "func.return %1, %0, %1" in str(module)


@pytest.mark.parametrize("zero_points", [(), (0,)])
def test_fewer_zero_points_than_scales(zero_points: tuple[int, ...]) -> None:
    filter = weights("w", 3, 4)
    assert filter.quantization is not None
    filter = replace(filter, quantization=replace(filter.quantization, scales=(1.0, 2.0, 3.0), zero_points=zero_points))
    tensors = [activation("x", 1, 4), filter, activation("y", 1, 3)]
    import_tflite(write_tflite(model(tensors, [layer("FULLY_CONNECTED", [0, 1], [2])], [0], [2])), "model")


def test_a_bias_along_a_dimension_that_it_does_not_have() -> None:
    filter, bias = weights("w", 3, 4), weights("b", 3, type="int32")
    assert bias.quantization is not None
    quantization = replace(bias.quantization, scales=(1.0, 2.0, 3.0), zero_points=(0, 0, 0), dimension=3)
    tensors = [activation("x", 1, 4), filter, replace(bias, quantization=quantization), activation("y", 1, 3)]
    import_tflite(write_tflite(model(tensors, [layer("FULLY_CONNECTED", [0, 1, 2], [3])], [0], [3])), "model")
