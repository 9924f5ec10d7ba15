"""Convolutions on cores without DSP instructions: forms that neither the host nor the Cortex-M7 has.

Armv6-M has assembly of its own and multiplies to 64 bits by halves; RISC-V takes plain C as the host does.
"""

import pytest
from kernel_machine import Machine
from test_kernels import Window, check_convolution, narrow_scales, random_scales, ties

WINDOWS = [
    Window(5, 9, (1, 1)),
    Window(6, 7, (3, 3), (2, 1), padding=(1, 1, 1, 1)),
    Window(7, 8, (2, 5), dilation=(2, 1), padding=(0, 2, 3, 1)),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("channels", [(3, 5), (4, 4), (16, 9), (7, 2)], ids=str)
def test_conv_2d(plain_machine: Machine, window: Window, channels: tuple[int, int]) -> None:
    check_convolution(plain_machine, window, False, channels, scales=narrow_scales)


def test_conv_2d_of_groups_and_of_any_scales(plain_machine: Machine) -> None:
    check_convolution(plain_machine, WINDOWS[1], False, (12, 24), 3)
    check_convolution(plain_machine, WINDOWS[0], False, (8, 6), scales=random_scales)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("channels", [3, 4, 11])
def test_depthwise_conv_2d(plain_machine: Machine, window: Window, channels: int) -> None:
    check_convolution(plain_machine, window, True, (channels, channels), scales=narrow_scales)
    check_convolution(plain_machine, window, True, (channels, channels), scales=random_scales)


@pytest.mark.parametrize("depthwise", [False, True])
def test_narrow_scaling(plain_machine: Machine, depthwise: bool) -> None:
    channels = (256, 256) if depthwise else (4, 256)
    check_convolution(plain_machine, Window(4, 8, (1, 1)), depthwise, channels, scales=ties)
