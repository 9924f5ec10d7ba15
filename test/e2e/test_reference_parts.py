"""Layers that LiteRT's reference kernels have not run alone: all others are the reference's."""

import numpy as np
import pytest
from network_builder import NetworkBuilder

from tinyts_mlir.dialects.tinyts import EluOp
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.reference import ReferenceModel


def test_layers_besides_run_with_reference_kernels():
    """The optimized ones of DEPTHWISE_CONV_2D and MEAN make other bytes of some of these."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")

    def reference(seed: int, has_elu: bool) -> ReferenceModel:
        builder = NetworkBuilder(seed)
        mean = builder.mean(builder.depthwise_conv_2d(builder.input((1, 6, 5, 8)), (3, 3)))
        outputs = [mean]
        if has_elu:
            outputs.append(builder.mean(builder.elementwise(EluOp, builder.elementwise(EluOp, mean))))
        return ReferenceModel(export_tflite(builder.module(outputs)))

    for seed in range(16):
        parted, plain = (reference(seed, has_elu) for has_elu in (True, False))
        given = np.random.default_rng(seed).integers(-128, 128, (1, 6, 5, 8), np.int8)
        made = parted.run([given])
        np.testing.assert_array_equal(made[0], plain.run([given])[0])
        assert len(made) == 2
        assert not parted.has_reference_kernels
