"""The page as text: whole, alone, and safe from what models call their layers."""

from __future__ import annotations

import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pages import compare, data_of, demo_page, demo_plans
from support import parse
from xdsl.dialects.builtin import ModuleOp

import tinyts_mlir.reporting
from tinyts_mlir.cli.messages import status_of
from tinyts_mlir.cli.opt import PROGRAM, opt
from tinyts_mlir.demo import demo_model
from tinyts_mlir.reporting.arena_timeline import Kind
from tinyts_mlir.reporting.html_report import render
from tinyts_mlir.tflite.exporter import export_tflite

VOID = {"meta", "link", "input", "br", "hr", "img", "wbr", "col"}


class Outline(HTMLParser):
    """Checks that elements are closed in their order, and keeps names, ids and what is referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("aria-labelledby", "aria-describedby", "for"):
                self.references.append(value or "")
            elif name in ("src", "href"):
                self.addresses.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    assert not found.open
    return found


def test_the_page_is_whole_and_alone() -> None:
    found = outline(demo_page())
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) <= set(found.ids)
    assert all(address.startswith(("#", "data:")) for address in found.addresses)
    assert not re.search(r"https?://(?!www\.w3\.org/)", demo_page())
    assert "@import" not in demo_page() and "url(" not in demo_page()


def test_what_is_there_without_scripts() -> None:
    text = re.sub(r"<script.*?</script>", "", demo_page(), flags=re.DOTALL)
    for plan in demo_plans().plans:
        assert plan.title in text
        assert f"{plan.timeline.arena_bytes:,}" in text
    for one in demo_plans().chosen_plan.passes:
        assert f"<code>{one.text}</code>" in text
    for point in demo_plans().points:
        assert f"<td>{point.title}" in text


def test_the_data_are_the_plans() -> None:
    data = data_of(demo_page())
    for plan, shown in zip(demo_plans().plans, data["plans"], strict=True):
        bands = plan.timeline.bands
        assert shown["bands"]["address"] == [band.address for band in bands]
        assert shown["bands"]["bytes"] == [band.bytes for band in bands]
        assert [data["kinds"][kind] for kind in shown["bands"]["kind"]] == [band.kind.value for band in bands]
        assert shown["live"] == list(plan.timeline.live_bytes)
        assert [layer["name"] for layer in shown["layers"]] == [layer.name for layer in plan.timeline.layers]
    assert {kind.value for kind in Kind} == set(data["kinds"])


HOSTILE = "</script><script>alert(1)</script>&lt;<!--"


def hostile() -> ModuleOp:
    return parse(
        "!q = !quant.uniform<i8:f32, 0.5:-1>\nfunc.func @main(%x: tensor<1x4x2x8x!q>) -> tensor<1x4x2x8x!q> {\n"
        f'%a = tinyts.leaky_relu %x {{alpha = 0.5}} : tensor<1x4x2x8x!q> loc("{HOSTILE}")\n'
        "func.return %a : tensor<1x4x2x8x!q>\n}"
    )


def test_names_are_text() -> None:
    page = render(compare(hostile(), "--split-tensors"), HOSTILE)
    assert page.count("</script>") == demo_page().count("</script>")
    outline(page)
    assert HOSTILE in [layer["name"] for layer in data_of(page)["plans"][0]["layers"]]
    assert "<title>&lt;/script&gt;&lt;script&gt;alert(1)" in page


# --- the command ----------------------------------------------------------------------------------------------------


def run(*arguments: str | Path) -> int:
    return status_of(PROGRAM, opt, list(map(str, arguments)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "demo net.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


def test_the_command_writes_project_and_page(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "out"
    flags = ("--split-tensors", "--emit-c", "--name", "demo", "-o", f"{folder}/")
    assert run(model, *flags, "--report", folder / "report.html") == 0
    assert (folder / "demo.c").exists()
    page = (folder / "report.html").read_text()
    assert "<title>demo net: " in page
    assert data_of(page)["plans"][2]["arena"] == demo_plans().chosen_plan.timeline.arena_bytes
    # Compiled again without, the page stays; it is no file of the project.
    assert run(model, *flags) == 0
    assert (folder / "report.html").exists()


def test_a_budget_is_the_page_s_too(tmp_path: Path, model: Path) -> None:
    total = demo_plans().chosen_plan.memory.total + 3000
    report = tmp_path / "report.html"
    arguments = ("--split-tensors", "--emit-c", "--name", "demo", "-o", tmp_path / "demo.c", "--report", report)
    assert run(model, *arguments, "--ram", str(total)) == 0
    data = data_of(report.read_text())
    emitted = re.search(r"#define DEMO_ARENA_BYTES (\d+)|demo_ARENA_BYTES (\d+)", (tmp_path / "demo.c").read_text())
    assert emitted is not None
    assert data["plans"][data["chosen"]]["arena"] == int(emitted[1] or emitted[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "missing/r.html", "--emit-c"), "missing/r.html: cannot be written: No such file or directory"),
        (("--report", ".", "--emit-c"), ".: cannot be written: Is a directory"),
        (("--report", "r.html"), "--report: expected --emit-c as well: only a complete plan can be shown"),
        (("--report", "r.html", "--emit-c", "--split-input-file"), "--report: one page is about one model"),
    ],
)
def test_what_cannot_be_is_said_before_planning(
    arguments: tuple[str, ...], message: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    model.write_bytes(b"this is not even a model")
    assert run(model, *arguments) == 1
    assert capsys.readouterr().err.startswith(f"tinyts-opt: error: {message}")


def test_the_wheel_has_the_templates(tmp_path: Path) -> None:
    templates = Path(tinyts_mlir.reporting.__file__).parent / "templates"
    names = {path.name for path in templates.iterdir()}
    used = set(re.findall(r'{% include "([\w.]+)" %}', (templates / "report.html.j2").read_text()))
    assert names == {"report.html.j2", *used}
    hatchling = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    root = Path(__file__).parents[2]
    [wheel] = hatchling.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.rpartition("/")[2] for name in archive.namelist() if "/reporting/templates/" in name}
    assert packed == names
