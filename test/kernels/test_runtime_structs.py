"""The limits of the runtime's own structs, and what is said about values beyond them."""

from __future__ import annotations

import pytest

from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.runtime_structs import LAYER, MODEL, TENSOR, check_fields, runtime_structs


def test_limits() -> None:
    structs = runtime_structs()
    assert structs[TENSOR] == {"row_bytes": (0, 2**32 - 1), "rows": (0, 65535), "band_rows": (0, 65535)}
    assert structs[LAYER]["padding_top"] == (-32768, 32767)
    assert structs[LAYER]["input_count"] == structs[MODEL]["output_count"] == (0, 255)
    assert "kernel" not in structs[LAYER]
    assert "offsets" not in structs[TENSOR]


@pytest.mark.parametrize(("field", "value"), [("first_operand", 65536), ("window_rows", -1), ("padding_top", 32768)])
def test_an_error_names_layer_field_limits_and_value(field: str, value: int) -> None:
    least, greatest = runtime_structs()[LAYER][field]
    check_fields("layer 'a'", LAYER, {field: greatest})
    with pytest.raises(CompileError, match=f"^layer 'a': {field}: expected {least} to {greatest}, got {value}$"):
        check_fields("layer 'a'", LAYER, {field: value})
