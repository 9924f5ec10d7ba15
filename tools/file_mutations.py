"""Damage to files, the same for the same seed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from tinyts_mlir.tflite.file import FileQuantization, TfliteFile
from tinyts_mlir.tflite.registry import all_rules

Value = TypeVar("Value")

EXTREME_WORDS = (0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x40000000)

Generator = np.random.Generator
Mutation = Callable[[bytearray, Generator], bytearray]


SMALL_INTEGERS = (-2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 127, 128, 255, 1 << 20, (1 << 31) - 1, -(1 << 31))
TENSOR_TYPES = ("float32", "uint8", "int16", "int8", "int32", "int64", "int4")
ENUMERATIONS = ("OutputType", "Padding", "FusedActivationFunction", "WeightsFormat", "Mode")
FLAGS = ("AdjX", "AdjY", "KeepNumDims", "KeepDims", "Offset", "AlignCorners", "HalfPixelCenters", "Approximate")
FLOATS = (0.0, -0.0, -1.0, 1.0, 1e-45, 1e-38, -1e-20, 1e-8, 1e8, 3e38, float("inf"), float("nan"))


def flip_bits(data: bytearray, random: Generator) -> bytearray:
    for _ in range(int(random.integers(1, 5))):
        data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    return data


def change_bytes(data: bytearray, random: Generator) -> bytearray:
    for _ in range(int(random.integers(1, 9))):
        data[int(random.integers(len(data)))] = int(random.integers(256))
    return data


def change_words(data: bytearray, random: Generator) -> bytearray:
    for _ in range(int(random.integers(1, 4))):
        position = 4 * int(random.integers(len(data) // 4))
        old = struct.unpack_from("<I", data, position)[0]
        words = (*EXTREME_WORDS, len(data), len(data) // 4, (old + 4) & 0xFFFFFFFF, (old - 4) & 0xFFFFFFFF, old // 2)
        struct.pack_into("<I", data, position, words[int(random.integers(len(words)))])
    return data


def truncate(data: bytearray, random: Generator) -> bytearray:
    return data[: int(random.integers(len(data)))]


def splice(data: bytearray, random: Generator) -> bytearray:
    size = int(random.integers(1, 64))
    source, target = (int(random.integers(max(1, len(data) - size))) for _ in range(2))
    data[target : target + size] = data[source : source + size]
    return data


def insert_or_delete(data: bytearray, random: Generator) -> bytearray:
    position, size = int(random.integers(len(data))), 4 * int(random.integers(1, 8))
    if random.integers(2):
        return data[:position] + data[position + size :]
    return data[:position] + bytes(size) + data[position:]


MUTATIONS: tuple[Mutation, ...] = (flip_bits, change_bytes, change_words, truncate, splice, insert_or_delete)


def change_record(file: TfliteFile, random: Generator) -> TfliteFile:
    """A file that says something else in one place."""
    tensors, layers = list(file.tensors), list(file.layers)
    tensor_number, layer_number = int(random.integers(len(tensors))), int(random.integers(len(layers)))
    tensor, layer = tensors[tensor_number], layers[layer_number]
    match int(random.integers(14)):
        case 0:
            tensor = replace(
                tensor, type=_choice(("float32", "uint8", "int16", "int8", "int32", "int64", "int4"), random)
            )
        case 1 | 2:
            tensor = replace(tensor, shape=_changed(tensor.shape, SMALL_INTEGERS, random))
        case 3:
            tensor = replace(tensor, signature=_changed(tensor.signature or tensor.shape, SMALL_INTEGERS, random))
        case 4:
            tensor = replace(tensor, buffer=int(random.integers(len(file.buffers) + 2)))
        case 5 | 6:
            old = tensor.quantization or FileQuantization((1.0,), (0,), 0, is_custom=False)
            match int(random.integers(4)):
                case 0:
                    tensor = replace(tensor, quantization=replace(old, scales=_changed(old.scales, FLOATS, random)))
                case 1:
                    zero_points = _changed(old.zero_points, SMALL_INTEGERS, random)
                    tensor = replace(tensor, quantization=replace(old, zero_points=zero_points))
                case 2:
                    dimension = _choice(SMALL_INTEGERS, random)
                    tensor = replace(tensor, quantization=replace(old, dimension=dimension))
                case _:
                    tensor = replace(tensor, quantization=None)
        case 7:
            flag = bool(random.integers(2))
            tensor = replace(tensor, is_variable=flag, is_sparse=not flag)
        case 8:
            layer = replace(layer, inputs=_changed(layer.inputs, range(-1, len(tensors) + 1), random))
        case 9:
            layer = replace(layer, outputs=_changed(layer.outputs, range(-1, len(tensors) + 1), random))
        case 10:
            layer = replace(layer, op=_choice((*(rule.name for rule in all_rules()), "ELU", "CUSTOM"), random))
        case 11 | 12 if layer.options:
            name = _choice(tuple(layer.options), random)
            if name in ("Beta", "Alpha"):
                value = _choice(FLOATS, random)
            elif name in FLAGS:
                value = bool(random.integers(2))
            elif name in ENUMERATIONS:
                value = int(random.integers(0, 7))
            else:
                value = _choice(SMALL_INTEGERS, random)
            layer = replace(layer, options={**layer.options, name: value})
        case _:
            indices = range(-1, len(tensors) + 1)
            if random.integers(2):
                return replace(file, inputs=_changed(file.inputs, indices, random))
            return replace(file, outputs=_changed(file.outputs, indices, random))
    tensors[tensor_number], layers[layer_number] = tensor, layer
    return replace(file, tensors=tuple(tensors), layers=tuple(layers))


def _choice(values: Sequence[Value], random: Generator) -> Value:
    return values[int(random.integers(len(values)))]


def _changed(values: tuple[Value, ...], others: Sequence[Value], random: Generator) -> tuple[Value, ...]:
    """The values with one changed, gone, or more."""
    position = int(random.integers(len(values) + 1))
    end = position + int(random.integers(2))
    new = (_choice(others, random),) if random.integers(4) else ()
    return (*values[:position], *new, *values[end:])


def mutate(data: bytes, seed: int) -> bytes:
    """The data, damaged in one to three ways."""
    random = np.random.default_rng(seed)
    damaged = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        if len(damaged) >= 16:
            damaged = MUTATIONS[int(random.integers(len(MUTATIONS)))](damaged, random)
    return bytes(damaged)
