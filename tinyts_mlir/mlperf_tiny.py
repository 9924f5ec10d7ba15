"""MLPerf Tiny's conventions: how a benchmark's input goes over the serial line, and what comes back.

The emitted device and the host side (`tinyts-serial`) both follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

IMAGE_ZERO_POINT = -128
"""An input with this zero point is an image's bytes less 128."""


class InputEncoding(Enum):
    """What goes over the line for an element of the input; the value is the C macro (tinyts_model_data.h)."""

    INT8 = "TINYTS_INPUT_INT8"
    UINT8 = "TINYTS_INPUT_UINT8"
    FLOAT32 = "TINYTS_INPUT_FLOAT32"


class Result(Enum):
    """What comes back; the value is the C macro."""

    OUTPUTS = "TINYTS_RESULT_OUTPUTS"
    MEAN_SQUARED_ERROR = "TINYTS_RESULT_MEAN_SQUARED_ERROR"
    """Of the dequantized output against the float input."""


@dataclass(frozen=True)
class Conventions:
    """What a device calls its model (`m-model-[...]`), and how data travel."""

    model: str
    encoding: InputEncoding
    result: Result = Result.OUTPUTS


BENCHMARKS: Mapping[str, Conventions] = {
    "ic": Conventions("ic01", InputEncoding.UINT8),
    "vww": Conventions("vww01", InputEncoding.UINT8),
    "kws": Conventions("kws01", InputEncoding.INT8),
    "ad": Conventions("ad01", InputEncoding.FLOAT32, Result.MEAN_SQUARED_ERROR),
}
"""The benchmarks by what `--benchmark` calls them."""


def conventions_of_model(model: str, input_zero_point: int) -> Conventions:
    """The conventions of a device that calls its model `model`: a benchmark's, or those of `own_conventions`."""
    for conventions in BENCHMARKS.values():
        if conventions.model == model:
            return conventions
    return own_conventions(model, input_zero_point)


def own_conventions(model: str, input_zero_point: int) -> Conventions:
    """The conventions of a model that is no benchmark: unsigned bytes for images, else the model's own bytes."""
    image = input_zero_point == IMAGE_ZERO_POINT
    return Conventions(model, InputEncoding.UINT8 if image else InputEncoding.INT8)
