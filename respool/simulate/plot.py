"""Draws a service's outage, and how each strategy fared in it, as an SVG for the README."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from math import log10
from typing import Any
from xml.etree import ElementTree

import pygal
from pygal.style import Style

from respool.simulate.runs import Run
from respool.simulate.services import HOUR, MINUTE
from respool.simulate.world import FRIDAY

WIDTH, HEIGHT = 840, 300
NAMES = {"every hour": "retry every hour", "all at recovery": "all at recovery", "ramp": "ramp"}
PAPER, INK, LINE = "#fffefb", "#1b2125", "#dcd9cf"
STYLE = Style(
    background=PAPER,
    plot_background=PAPER,
    foreground=INK,
    foreground_strong=INK,
    foreground_subtle=LINE,
    colors=("#b4541a", "#78818a", "#0f6266"),
    opacity="1",
    stroke_width="2.5",
    guide_stroke_color=LINE,
    major_guide_stroke_color=LINE,
    guide_stroke_dasharray="none",
    major_guide_stroke_dasharray="none",
    font_family="system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    title_font_size=16,
    label_font_size=12,
    major_label_font_size=12,
    legend_font_size=13,
)
SVG = "http://www.w3.org/2000/svg"

Points = list[tuple[float, float]]


def drawn(runs: Sequence[Run], name: str) -> str:
    """The picture of that service's outage, the same for the same runs.

    Its ground is its own and not the page's, so that it can be read on light and on dark ones.
    """
    chosen = [each for each in runs if each.service == name]
    ElementTree.register_namespace("", SVG)
    size = {"width": str(WIDTH), "height": str(2 * HEIGHT)}
    view = {"viewBox": f"0 0 {WIDTH} {2 * HEIGHT}", "role": "img"}
    picture = ElementTree.Element(f"{{{SVG}}}svg", size | view)
    ElementTree.SubElement(picture, f"{{{SVG}}}title").text = f"Three ways to replay: {name}"
    ElementTree.SubElement(picture, f"{{{SVG}}}rect", size | {"fill": PAPER})
    for place, chart in enumerate((_calls(chosen), _left(chosen))):
        chart.uuid = f"panel-{place}"
        panel = ElementTree.fromstring(chart.render())
        panel.attrib |= {"y": str(place * HEIGHT), "width": str(WIDTH), "height": str(HEIGHT)}
        picture.append(panel)
    return ElementTree.tostring(picture, "unicode") + "\n"


def _calls(runs: Sequence[Run]) -> Any:
    """A logarithmic chart would take the logarithm of the time, too."""
    again = _clock(runs[0].recovery)
    labels = [{"value": power, "label": f"{10**power:,}"} for power in range(5)]
    chart = _chart(f"Calls that the service got. It is well again {again}.", labels, runs)
    for run in runs:
        track = [(at, log10(max(1, calls))) for at, calls, _ in run.track]
        chart.add(NAMES[run.strategy], _steps(track, 5 * MINUTE))
    return chart


def _left(runs: Sequence[Run]) -> Any:
    since = runs[0].recovery - HOUR
    labels = [{"value": n, "label": str(n)} for n in (0, 100, 200, 300)]
    chart = _chart("Jobs left, from one hour before that", labels, runs, since)
    for run in runs:
        track = [(max(at, since), left) for at, _, left in run.track]
        chart.add(NAMES[run.strategy], _steps(track, MINUTE))
    return chart


def _chart(title: str, y_labels: list[Any], runs: Sequence[Run], since: float = 0) -> Any:
    end = max(each.track[-1][0] for each in runs)
    every = 12 if since == 0 else 2
    marks = range(2, int(end // HOUR) + 1, every)
    return pygal.XY(
        style=STYLE,
        width=WIDTH,
        height=HEIGHT,
        title=title,
        show_dots=False,
        x_labels=[
            {"value": digest * HOUR, "label": _clock(digest * HOUR)}
            for digest in marks
            if digest * HOUR >= since
        ],
        xrange=(since, end),
        y_labels=y_labels,
        truncate_label=-1,
        legend_at_bottom=True,
        legend_at_bottom_columns=3,
        js=(),
        disable_xml_declaration=True,
    )


def _steps(track: Iterable[tuple[float, float]], pixel: float) -> Points:
    """Stairs: a number stays what it is until it changes; changes within a pixel are one."""
    points: Points = []
    for at, value in track:
        if not points:
            points = [(at, value)]
        elif at - points[-1][0] < pixel:
            points[-1] = (points[-1][0], value)
        elif value != points[-1][1]:
            points += [(at, points[-1][1]), (at, value)]
    return points


def _clock(seconds: float) -> str:
    return f"{FRIDAY + timedelta(seconds=seconds):%a %H:%M}"
