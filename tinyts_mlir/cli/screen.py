"""The first screen on a terminal: `reporting/summary.py`, laid out."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markup import escape

from tinyts_mlir.cores import DEFAULT_CORE, find_core
from tinyts_mlir.reporting.summary import Line, Summary

MOST_CHARACTERS = 40
"""Of a layer's name."""
PLAIN_WIDTH = 100
"""Columns where there is no terminal."""


def print_summary(summary: Summary, stream: TextIO) -> None:
    """Prints it: in colours on a terminal that wants them (NO_COLOR), else as plain text."""
    on_terminal = stream.isatty()
    console = Console(file=stream, highlight=False, emoji=False, width=None if on_terminal else PLAIN_WIDTH)
    console.print(f"[bold]{escape(summary.name)}[/]: {_verdict(summary)}")
    if summary.stopped:
        console.print("[yellow]The search was stopped: this is the best plan that it had found.[/]")
    if summary.split is not None:
        console.print(
            f"[yellow]Maps are whole: with --split-tensors the arena takes {summary.split:,} bytes (estimated).[/]"
        )
    for line in _figures(summary):
        console.print(line)
    if summary.left_out:
        console.print(_left_out(summary), soft_wrap=True)
    if summary.repeated_macs:
        console.print(f"made again, to save SRAM: rows of {summary.repeated_macs:,} multiplications")
    console.print(f"fullest while {_short(summary.fullest)} runs")
    shares = ", ".join(f"{_short(name)} {share:.0%}" for name, share in summary.costliest)
    console.print(f"about {summary.instructions:,} instructions on a {find_core(summary.core).title} (estimated)")
    if summary.chip is not None:
        console.print(_time(summary), soft_wrap=True)
    console.print(f"most of them in {shares}", soft_wrap=True)
    if summary.ladder:
        console.print("also (estimated):")
        for rung in summary.ladder:
            change = rung.instructions / summary.instructions - 1
            console.print(f"  --ram {rung.bytes:<9} {rung.instructions:>13,} instructions ({change:+.1%})")
    console.print(f"next: [bold]{escape(summary.next_command)}[/]", soft_wrap=True)


def _left_out(summary: Summary) -> str:
    """What `prune-channels` saved."""
    channels, constant, unread, macs, bytes = (sum(column) for column in list(zip(*summary.left_out, strict=True))[1:])
    return (
        f"left out: {constant + unread:,} of {channels:,} channels that are always the same, or that nothing reads: "
        f"{macs:,} multiplications, {bytes:,} bytes of weights"
    )


def _time(summary: Summary) -> str:
    """How long an inference takes on the chip, by estimate."""
    assert summary.chip is not None
    name, cycles = escape(summary.chip.name), summary.cycles
    if cycles is None:
        return f"no estimate of cycles for {name}: too little is known of its core or its flash"
    text = (
        f"about {cycles.cycles:,} cycles, {cycles.milliseconds:,.1f} ms on {name} at {cycles.megahertz} MHz "
        f"(estimated, with {cycles.lines:,} lines of flash at {cycles.line_cycles} cycles)"
    )
    if not summary.arena_is_coupled:
        text += f", as if SRAM lay in the {summary.chip.coupled:,} bytes of memory that need no cache"
    return text


def _verdict(summary: Summary) -> str:
    """Whether it fits, and how much better that is than whole maps."""
    text = f"{summary.sram:,} bytes of SRAM"
    if summary.unsplit is not None and summary.sram:
        text += f", {summary.unsplit / summary.sram:.1f} times less than unsplit ({summary.unsplit:,})"
    if summary.fits is None or summary.room is None:
        return text
    place = str(summary.chip) if summary.chip is not None else "the budget"
    if summary.chip is not None and summary.budget is not None:
        place += f", {summary.budget:,} bytes of it allowed"
    if summary.fits:
        used = f"{summary.room / summary.sram:.1f} times less than it has" if summary.sram else ""
        return f"[bold green]fits[/] {escape(place)}: {text}; {used}"
    lacks = "SRAM" if summary.sram > summary.room else "flash"
    return f"[bold red]does not fit[/] {escape(place)}, which lacks {lacks}: {text}"


def _figures(summary: Summary) -> list[str]:
    core = find_core(summary.core)
    emulated = core.name if core.can_run else DEFAULT_CORE  # or what nothing here runs
    rows = [
        ("SRAM", summary.sram, "exact; the stack's bound holds on all emulated cores", summary.memory),
        (
            "flash",
            summary.flash_bytes,
            f"estimated; tinyts-run --target {emulated} measures",
            summary.flash,
        ),
    ]
    lines: list[str] = []
    for title, total, certainty, parts in rows:
        lines.append(f"[bold]{title:<28}{total:>11,}[/] bytes, [dim]{certainty}[/]")
        lines += [f"{_indented(line):<28}{line.bytes:>11,} [dim]{line.certainty}[/]" for line in parts]
    return lines


def _indented(line: Line) -> str:
    return f"{'    ' if line.is_part else '  '}{line.kind}"


def _short(name: str) -> str:
    """A layer's name on a line with others: converters give them paths, and join those of what they fused."""
    last = name.split(";")[0].split("/")
    text = "/".join(last[-2:]) if len(last) > 2 else name
    return escape(text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}...")
