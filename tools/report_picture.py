"""The picture in README: the top of a page of `tinyts-opt --report`, as a headless Chromium shows it.

tinyts-opt model.tflite --split-tensors --emit-c -o build/model/ --report build/report.html
python tools/report_picture.py build/report.html -o docs/report.png
"""

from __future__ import annotations

import argparse
import base64
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

SIGNATURE = b"\x89PNG\r\n\x1a\n"
WIDTH = 1120
MARGIN = 8

PIXELS = """
async (png) => {
  const image = new Image();
  image.src = "data:image/png;base64," + png;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, image.width, image.height).data;
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return [image.width, image.height, btoa(text)];
}
"""
"""Width, height, and red, green, blue and alpha of each pixel of a PNG."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes the picture in README.")
    parser.add_argument("report", type=Path, help="a page of --report")
    parser.add_argument("-o", dest="output", type=Path, required=True, help="the PNG")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    arguments = parser.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=arguments.browser,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-lcd-text"],
            viewport={"width": WIDTH, "height": 2000},
            color_scheme=arguments.scheme,
        )
        page = context.pages[0]
        page.goto(arguments.report.resolve().as_uri())
        legend = page.locator("#legend").bounding_box()
        if legend is None:
            parser.error(f"{arguments.report}: expected a page of --report")
        height = legend["y"] + legend["height"] + MARGIN
        picture = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        page.goto("about:blank")
        width, rows, pixels = page.evaluate(PIXELS, base64.b64encode(picture).decode())
        context.close()
    arguments.output.write_bytes(flat_png(width, rows, base64.b64decode(pixels)))


def flat_png(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG without filters: of flat colours it is a quarter smaller than what a browser makes."""
    colours = np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 4)[:, :, :3].reshape(height, -1)
    lines = np.hstack([np.zeros((height, 1), dtype=np.uint8), colours]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


if __name__ == "__main__":
    main()
