"""Tables between markers."""

from pathlib import Path

import pytest
from generated_text import END, replace_generated


@pytest.mark.parametrize("text", ["nothing\n", "<!-- a -->\n", f"{END}\n"])
def test_a_missing_marker_is_named_and_the_file_stays(tmp_path: Path, text: str):
    path = tmp_path / "docs.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="expected the markers <!-- a --> and"):
        replace_generated(path, "<!-- a -->", "new")
    assert path.read_text() == text
