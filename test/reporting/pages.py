"""Pages that tests look at, and the browser that shows them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.universe import Universe

from tinyts_mlir.compiler import lower, new_context
from tinyts_mlir.demo import demo_model
from tinyts_mlir.pipeline import pass_flag
from tinyts_mlir.reporting.html_report import render
from tinyts_mlir.reporting.plans import Comparison, compare_plans

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

REQUIRED = bool(os.environ.get("TINYTS_REQUIRE_BROWSER"))
"""Whether tests that want a browser fail where there is none."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def compare(module: ModuleOp, *flags: str, budget: int | None = None) -> Comparison:
    """The plans of a module by these flags of `tinyts-opt`."""
    available = Universe.get_multiverse().all_passes
    specs = [spec for flag in flags if (spec := pass_flag(flag, available)) is not None]
    assert len(specs) == len(flags)
    return compare_plans(lower(module, "model", specs, available, new_context(), budget))


SMALL = """
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x8x2x8x!q>) -> tensor<1x4x1x8x!q> {
  %a = tinyts.leaky_relu %x {alpha = 0.5} : tensor<1x8x2x8x!q>
  %b = tinyts.max_pool_2d %a {window = [2, 2], stride = [2, 2], padding = [0, 0, 0, 0]} : tensor<1x4x1x8x!q>
  func.return %b : tensor<1x4x1x8x!q>
}
"""
"""A network that compiles in no time."""


@cache
def demo_plans() -> Comparison:
    """The plans of the demo model."""
    return compare(demo_model(), "--split-tensors")


@cache
def demo_page() -> str:
    """The page about them."""
    return render(demo_plans(), "demo")


def data_of(page: str) -> dict[str, Any]:
    """What a page's scripts draw."""
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


@dataclass
class Shown:
    """A page in a browser.

    Attributes:
        page: playwright's.
        messages: what the console has, and errors of scripts.
        requests: the addresses that were asked for.
    """

    page: Page
    messages: list[str] = field(default_factory=list[str])
    requests: list[str] = field(default_factory=list[str])

    def said(self, message: ConsoleMessage) -> None:
        self.messages.append(message.text)

    def failed(self, error: Exception) -> None:
        self.messages.append(str(error))

    def asked(self, request: Request) -> None:
        self.requests.append(request.url)


@contextmanager
def shown(file: Path, profile: Path, width: int = 1280, scheme: str = "light") -> Generator[Shown]:
    """A file in a headless Chromium of its own; skips the test, or fails it if it is required, where there is none."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    report = pytest.fail if REQUIRED else pytest.skip
    if program is None:
        report("chromium is not installed (Debian: chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        report("playwright is not installed: pip install '.[test]'")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program,
            headless=True,
            args=FLAGS,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
        )
        try:
            found = Shown(context.pages[0])
            found.page.on("console", found.said)
            found.page.on("pageerror", found.failed)
            found.page.on("request", found.asked)
            found.page.goto(file.as_uri())
            yield found
        finally:
            context.close()
