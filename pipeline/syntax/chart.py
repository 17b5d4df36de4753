"""How a bar chart is written down: inline SVG, shown without any script.

A chart says nothing that the table beside it does not say: it has a title and a
description of its own, and each bar tells its value when pointed at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.syntax.characters import shorten
from pipeline.syntax.page import Element, el

#: Sizes in units of the drawing, which scales with the page.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 220, 44, 26, 12
_ROW, _NAME, _COUNT = 26, 220, 60
#: Labels under upright bars that fit beside each other.
_LABELS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, and its value, 0 or more."""

    label: str
    value: int


def bar_chart(
    key: str, title: str, description: str, bars: Sequence[Bar], way: Literal["up", "right"]
) -> Element:
    """Draw bars, side by side for a course of time or below each other for named things.

    Args:
        key: Unique on the page.
        title: What is counted.
        description: What the chart shows, in one sentence.
        bars: From the first to the last; at least one.
        way: Where they grow.
    """
    height = _HEIGHT if way == "up" else _ROW * len(bars) + _TOP
    drawn = _upright(bars) if way == "up" else _lying(bars)
    return el(
        "svg",
        el("title", title, attributes={"id": f"{key}-title"}),
        el("desc", description, attributes={"id": f"{key}-desc"}),
        *drawn,
        css="chart",
        attributes={
            "viewBox": f"0 0 {_WIDTH} {height}",
            "role": "img",
            "aria-labelledby": f"{key}-title {key}-desc",
        },
    )


def _upright(bars: Sequence[Bar]) -> Iterator[Element]:
    top = max(1, *(bar.value for bar in bars))
    floor, room = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    for value in (0, top):
        y = floor - room * value / top
        yield _line(_LEFT, y, _WIDTH, y)
        yield _text(_LEFT - 6, y + 4, str(value), "end")
    width = (_WIDTH - _LEFT) / len(bars)
    every = -(-len(bars) // _LABELS)
    for place, bar in enumerate(bars):
        x, tall = _LEFT + place * width, room * bar.value / top
        yield _bar(bar, x + width * 0.1, floor - tall, width * 0.8, tall)
        if place % every == 0:
            yield _text(x + width / 2, _HEIGHT - 8, bar.label, "middle")


def _lying(bars: Sequence[Bar]) -> Iterator[Element]:
    top = max(1, *(bar.value for bar in bars))
    room = _WIDTH - _NAME - _COUNT
    for place, bar in enumerate(bars):
        y, long = _TOP / 2 + place * _ROW, room * bar.value / top
        yield _text(_NAME - 8, y + 17, shorten(bar.label, 30), "end")
        yield _bar(bar, _NAME, y + 3, long, _ROW - 6)
        yield _text(_NAME + long + 6, y + 17, str(bar.value), "start")


def _bar(bar: Bar, x: float, y: float, width: float, height: float) -> Element:
    place = {"x": x, "y": y, "width": width, "height": height}
    told = el("title", f"{bar.label} : {bar.value}")
    return el("rect", told, attributes={name: f"{size:.1f}" for name, size in place.items()})


def _line(x1: float, y1: float, x2: float, y2: float) -> Element:
    place = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return el("line", attributes={name: f"{size:.1f}" for name, size in place.items()})


def _text(x: float, y: float, text: str, anchor: str) -> Element:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    return el("text", text, attributes=place)
