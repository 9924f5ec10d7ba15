"""The reducer: what is cut, bypassed and shrunk, and that it ends at something small that is still interesting."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_files import BIAS, activation, integers, layer, model, weights

from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.reduce import PROGRAM, reduce
from tinyts_mlir.compiler import new_context
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.errors import CompileError
from tinyts_mlir.reduction import channels, sizes
from tinyts_mlir.reduction.file_model import FileModel
from tinyts_mlir.reduction.ir_module import IRModule
from tinyts_mlir.reduction.search import OutOfTime, Search
from tinyts_mlir.reduction.subject import Subject
from tinyts_mlir.tflite.file import FileQuantization, TfliteFile
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.tflite.writer import write_tflite

WINDOW = {"StrideH": 2, "StrideW": 1, "Padding": 0, "DilationHFactor": 1, "DilationWFactor": 1}
PER_CHANNEL = FileQuantization((0.02, 0.03, 0.04, 0.05), (0, 0, 0, 0), 0, is_custom=False)
PER_LAST_CHANNEL = replace(PER_CHANNEL, dimension=3)
SMALL_SCALES = FileQuantization((0.001, 0.002, 0.003, 0.004), (0, 0, 0, 0), 0, is_custom=False)


def network() -> TfliteFile:
    """A convolution, a depthwise one, a branch, an ADD, a pool over the whole map, and a dense layer."""
    bias = replace(BIAS, quantization=SMALL_SCALES)
    return model(
        [
            activation("image", 1, 8, 6, 3),  # 0
            replace(weights("w", 4, 3, 3, 3), quantization=PER_CHANNEL),
            bias,
            activation("a", 1, 4, 6, 4),  # 3
            replace(weights("v", 1, 3, 3, 4), quantization=PER_LAST_CHANNEL),
            replace(bias, name="d"),
            activation("b", 1, 4, 6, 4),  # 6
            activation("c", 1, 4, 6, 4),
            activation("p", 1, 1, 1, 4),  # 8
            integers("shape", 1, 4),
            activation("r", 1, 4),  # 10
            weights("f", 2, 4),
            replace(weights("g", 2, type="int32"), quantization=FileQuantization((0.001,), (0,), 0, is_custom=False)),
            activation("y", 1, 2),  # 13
        ],
        [
            layer("CONV_2D", [0, 1, 2], [3], **WINDOW),
            layer("DEPTHWISE_CONV_2D", [3, 4, 5], [6], DepthMultiplier=1, **{**WINDOW, "StrideH": 1}),
            layer("ADD", [3, 6], [7]),
            layer("AVERAGE_POOL_2D", [7], [8], FilterHeight=4, FilterWidth=6, StrideH=1, StrideW=1, Padding=1),
            layer("RESHAPE", [8, 9], [10]),
            layer("FULLY_CONNECTED", [10, 11, 12], [13]),
        ],
        [0],
        [13],
    )


def ops(subject: FileModel) -> list[str]:
    return [one.op for one in subject.file.layers]


def names(file: TfliteFile, numbers: tuple[int, ...]) -> list[str]:
    return [file.tensors[number].name for number in numbers]


def compiles(subject: FileModel) -> bool:
    """Whether a file is sound, by the importer, which verifies what it makes."""
    try:
        import_tflite(subject.encode(), "model").verify()
    except CompileError:
        return False
    return True


def test_the_network_is_sound() -> None:
    assert compiles(FileModel(network()))


def test_layers_in_the_middle() -> None:
    """What they read is an input, what nothing reads an output, and nothing else is left."""
    kept = FileModel(network()).keep([1, 2])
    assert ops(kept) == ["DEPTHWISE_CONV_2D", "ADD"]
    assert names(kept.file, kept.file.inputs) == ["a"]
    assert names(kept.file, kept.file.outputs) == ["c"]
    assert [tensor.name for tensor in kept.file.tensors] == ["a", "v", "d", "b", "c"]
    assert [tensor.index for tensor in kept.file.tensors] == list(range(5))
    assert len(kept.file.buffers) == 3
    assert compiles(kept)


def test_layers_at_both_ends() -> None:
    kept = FileModel(network()).keep([0, 5])
    assert names(kept.file, kept.file.inputs) == ["image", "r"]
    assert names(kept.file, kept.file.outputs) == ["y", "a"]
    assert compiles(kept)


def test_a_layer_is_bypassed() -> None:
    found = [version for version in FileModel(network()).shortcuts() if len(version.file.layers) == 5]
    assert [ops(version).count("DEPTHWISE_CONV_2D") for version in found] == [0, 1, 1]
    assert ["ADD" in ops(version) for version in found] == [True, False, False]
    assert all(compiles(version) for version in found)


def test_an_output_that_is_read_is_dropped() -> None:
    file = network()
    versions = list(FileModel(replace(file, outputs=(3, 13))).shortcuts())
    assert names(versions[0].file, versions[0].file.outputs) == ["y"]


@pytest.mark.parametrize(("axis", "size"), [(sizes.HEIGHT, 1), (sizes.HEIGHT, 4), (sizes.HEIGHT, 7), (sizes.WIDTH, 3)])
def test_less_height_or_width(axis: int, size: int) -> None:
    """The stride, the window of the pool, and everything between follow."""
    shape = list(network().tensors[0].shape)
    shape[axis] = size
    found = [file for file in sizes.smaller_files(network()) if file.tensors[0].shape == tuple(shape)]
    assert len(found) == 1
    assert compiles(FileModel(found[0]))
    shapes = {tensor.name: tensor.shape for tensor in found[0].tensors}
    assert shapes["p"] == (1, 1, 1, 4)
    assert shapes["c"][axis] == (-(-size // 2) if axis == sizes.HEIGHT else size)


def test_no_smaller_map_where_no_rule_says_what_comes_out() -> None:
    file = model([activation("x", 1, 4, 4, 2), integers("s", 1, 32), activation("y", 1, 32)],
                 [layer("RESHAPE", [0, 1], [2])], [0], [2])  # fmt: skip
    assert list(sizes.smaller_files(file)) == []


def test_fewer_channels() -> None:
    """The group of the convolutions' results goes together, with filters, biases and scales; RESHAPE keeps its own."""
    file = network()
    cut = replace(file, layers=file.layers[:4], outputs=(8,))
    found = [FileModel(one) for one in channels.narrower_files(FileModel(cut).keep(range(4)).file)]
    assert found and all(compiles(version) for version in found)
    counts = {(version.file.tensors[0].shape[-1], version.file.tensors[3].shape[-1]) for version in found}
    assert counts == {(1, 1), (1, 2), (1, 4), (2, 4), (3, 1), (3, 2), (3, 3)}
    narrow = next(version.file for version in found if version.file.tensors[3].shape[-1] == 2)
    quantization = narrow.tensors[1].quantization
    assert quantization is not None
    assert quantization.scales == PER_CHANNEL.scales[:2]
    original = np.frombuffer(file.buffers[file.tensors[4].buffer].tobytes(), np.int8).reshape(1, 3, 3, 4)
    cut_weights = np.frombuffer(narrow.buffers[narrow.tensors[4].buffer].tobytes(), np.int8)
    np.testing.assert_array_equal(cut_weights.reshape(1, 3, 3, 2), original[..., :2])


def test_channels_behind_a_reshape_stay() -> None:
    widths = {one.tensors[10].shape for one in channels.narrower_files(network())}
    assert widths == {(1, 4)}


def test_constants_become_zeroes() -> None:
    versions = list(FileModel(network()).simpler())
    assert not any(np.any(buffer) for buffer in versions[0].file.buffers)
    assert list(versions[0].simpler()) == []


def searched(subject: Subject, test: Callable[[Subject], bool]) -> tuple[Subject, int]:
    count = 0

    def counted(candidate: Subject) -> bool:
        nonlocal count
        count += 1
        return test(candidate)

    search = Search(subject, counted)
    search.run()
    return search.best, count


def test_to_one_layer() -> None:
    def has_add(subject: Subject) -> bool:
        return isinstance(subject, FileModel) and "ADD" in ops(subject) and compiles(subject)

    best, count = searched(FileModel(network()), has_add)
    assert isinstance(best, FileModel)
    assert ops(best) == ["ADD"]
    assert best.file.tensors[0].shape == (1, 1, 1, 1)
    assert count < 60
    assert searched(FileModel(network()), has_add)[0].encode() == best.encode()


def test_layers_that_are_needed_together() -> None:
    def is_interesting(subject: Subject) -> bool:
        return isinstance(subject, FileModel) and {"CONV_2D", "FULLY_CONNECTED"} <= set(ops(subject))

    best, _ = searched(FileModel(network()), is_interesting)
    assert isinstance(best, FileModel)
    assert ops(best) == ["CONV_2D", "FULLY_CONNECTED"]


def test_out_of_time() -> None:
    left = 3

    def slow(subject: Subject) -> bool:
        nonlocal left
        left -= 1
        if left < 0:
            raise OutOfTime
        return True

    search = Search(FileModel(network()), slow)
    search.run()
    assert 0 < search.best.layer_count < 6


IR = """
    !q = !quant.uniform<i8:f32, 0.5:-1>
    func.func @main(%x: tensor<1x4x2x1x!q>, %y: tensor<1x4x2x1x!q>) -> tensor<1x4x2x1x!q> {
      %w = tinyts.constant dense<3> : tensor<1x3x3x1xi8> as !quant.uniform<i8:f32, 0.5>
      %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x4x2x1x!q> loc("first")
      %b = tinyts.depthwise_conv_2d %a, %w {padding = [1, 1, 1, 1]} : tensor<1x4x2x1x!q>
      %c = tinyts.add %b, %y : tensor<1x4x2x1x!q>
      %d = tinyts.relu %c : tensor<1x4x2x1x!q>
      func.return %d : tensor<1x4x2x1x!q>
    }
"""


def test_ir_to_one_op() -> None:
    best, _ = searched(
        IRModule(parse_ir(IR, "test", new_context())), lambda subject: b"tinyts.depthwise" in subject.encode()
    )
    assert best.layer_count == 1
    text = best.encode().decode()
    assert "tinyts.constant dense<0>" in text
    assert "%y" not in text
    parse_ir(text, "again", new_context()).verify()


def test_ir_in_the_middle() -> None:
    kept = IRModule(parse_ir(IR, "test", new_context())).keep([0, 2])
    assert kept is not None
    [function] = kept.module.body.block.ops
    assert [len(function.regions[0].block.args), kept.layer_count] == [3, 2]
    text = kept.encode().decode()
    assert "tinyts.constant" not in text
    assert 'loc("first")' in text
    kept.module.verify()


def test_ir_is_bypassed() -> None:
    versions = list(IRModule(parse_ir(IR, "test", new_context())).shortcuts())
    assert [version.layer_count for version in versions] == [3, 3, 3, 3, 3]  # ADD has two operands


def test_what_is_no_function() -> None:
    with pytest.raises(CompileError, match=r"expected a module of one func\.func with one block, got nothing"):
        IRModule(parse_ir("builtin.module {}", "test", new_context()))


def command(text: str) -> str:
    """A test in Python, with the file's bytes as `data`."""
    program = f"import sys; data = open(sys.argv[1], 'rb').read(); sys.exit(not ({text}))"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} {{}}"


def run(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    (folder / "net.tflite").write_bytes(write_tflite(network()))
    status = status_of(PROGRAM, reduce, [str(folder / "net.tflite"), "-o", str(folder / "small.tflite"), *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(tmp_path, capsys, "--test", command("b'TFL3' in data and b'image' in data"))
    assert status == 0
    assert out.startswith(f"{tmp_path / 'small.tflite'}: 1 layer, ")
    assert err.startswith("tinyts-reduce: 6 layers, ")
    assert ops(FileModel.read((tmp_path / "small.tflite").read_bytes(), "small")) == ["CONV_2D"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("false", "--test: expected {} where the file's name is to stand, got 'false'"),
        ("false {}", "--test: expected exit status 0 for "),
        (command("b'written by' not in data.lower()"), "--test: "),
    ],
)
def test_wrong_commands(test: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(tmp_path, capsys, "--test", test)
    assert (status, out) == (1, "")
    assert f"tinyts-reduce: error: {message}" in err
    assert not (tmp_path / "small.tflite").exists()


def test_a_command_that_hangs_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    assert run(tmp_path, capsys, "--seconds-each", "0.2", "--test", "sleep 60; test -e {}")[0] == 1
    assert time.monotonic() - started < 10


def test_a_command_that_changes_its_mind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counter = shlex.quote(str(tmp_path / "count"))
    # Interesting while there are fewer than five marks, and of the file as it is.
    test = f"test -e {{}} && echo x >> {counter} && test $(wc -l < {counter}) -lt 5"
    status, _, err = run(tmp_path, capsys, "--test", test)
    assert status == 4
    assert "is no longer interesting; the command is not deterministic" in err
