"""Charts as SVG: volume over time, and bullseyes."""

from collections.abc import Callable, Mapping, Sequence
from math import cos, isnan, radians, sin

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import Structure

#: Okabe and Ito's colours, which colour-blind people tell apart; the window's too.
COLOURS = {
    Structure.LV_CAVITY: "#E69F00",
    Structure.MYOCARDIUM: "#009E73",
    Structure.RV_CAVITY: "#56B4E9",
}
#: From light to dark, even in lightness: prints in grey as well.
_RAMP = np.array([[247, 251, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]])

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 520, 220, 48, 40, 14, 90


def curve(
    volumes_ml: Mapping[Structure, NDArray[np.float64]],
    *,
    ed: int | None,
    es: int | None,
    frame_interval_s: float | None,
) -> str:
    """Return the volumes over time as SVG.

    Parameters
    ----------
    volumes_ml
        Per structure, shape ``(t,)``; NaN in frames without any.
    ed, es
        The frames to mark.
    frame_interval_s
        Time between frames; None makes the axis count frames.
    """
    frames = len(next(iter(volumes_ml.values())))
    most = max(float(np.nanmax(v)) for v in volumes_ml.values() if not np.isnan(v).all())
    step = _round_step(most / 4)
    top = step * (int(most / step) + 1)
    unit = 1000 * frame_interval_s if frame_interval_s else 1.0

    def x(t: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * t / max(frames - 1, 1)

    def y(volume: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * volume / top

    parts = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}" class="grid"/>'
        f'<text x="{_LEFT - 6}" y="{y(v) + 4:.1f}" class="axis end">{v:g}</text>'
        for v in np.arange(0, top + step / 2, step)
    ]
    last = (frames - 1) * unit
    parts += [
        f'<text x="{x(tick / unit):.1f}" y="{_HEIGHT - _BOTTOM + 16}" class="axis middle">'
        f"{tick:g}</text>"
        for tick in np.arange(0, last + 1e-9, max(_round_step(last / 6), 1.0))
    ]
    named = "time in the heartbeat, ms" if frame_interval_s else "frame"
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 6}" class="axis middle">{named}</text>')
    parts.append(f'<text x="{_LEFT - 40}" y="{_TOP - 3}" class="axis">ml</text>')
    for frame, phase in ((ed, "ED"), (es, "ES")):
        if frame is not None:
            parts.append(
                f'<line x1="{x(frame):.1f}" x2="{x(frame):.1f}" y1="{_TOP}" '
                f'y2="{_HEIGHT - _BOTTOM}" class="phase"/><text x="{x(frame) + 3:.1f}" '
                f'y="{_HEIGHT - _BOTTOM - 5}" class="axis">{phase}</text>'
            )
    for i, (structure, volumes) in enumerate(volumes_ml.items()):
        parts.append(_line(volumes, COLOURS[structure], x, y))
        parts.append(
            f'<text x="{_WIDTH - _RIGHT + 12}" y="{_TOP + 14 + 18 * i}" class="axis" '
            f'style="fill:{COLOURS[structure]};font-weight:600">{structure}</text>'
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" class="curve" role="img" '
        f'aria-label="Volumes over time">{"".join(parts)}</svg>'
    )


def _line(
    volumes: NDArray[np.float64],
    colour: str,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    """Return one curve: lines between neighbouring frames that are known, and points."""
    known = np.flatnonzero(~np.isnan(volumes))
    if not known.size:
        return ""
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    lines = "".join(
        f'<polyline points="{" ".join(f"{x(int(t)):.1f},{y(volumes[t]):.1f}" for t in run)}" '
        f'fill="none" stroke="{colour}" stroke-width="2"/>'
        for run in runs
        if len(run) > 1
    )
    points = "".join(
        f'<circle cx="{x(int(t)):.1f}" cy="{y(volumes[t]):.1f}" r="2.4" fill="{colour}"/>'
        for t in known
    )
    return lines + points


def _round_step(at_least: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 and so on."""
    power = 10 ** np.floor(np.log10(max(at_least, 1e-9)))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= at_least * 0.999))


#: Rings of the bullseye from outside: inner and outer radius, first segment, where its middle is.
_RINGS = ((70, 100, 1, 6), (40, 70, 7, 6), (14, 40, 13, 4))


def bullseye(
    segments: Mapping[int, float], *, low: float, high: float, title: str, decimals: int
) -> str:
    """Return values of the 16 segments as SVG; the apex in the middle, anterior up, septum left.

    Parameters
    ----------
    segments
        Segment (1 to 16) to value; NaN and absent ones stay white.
    low, high
        Values of the lightest and the darkest colour.
    title
        What it shows, with its unit.
    decimals
        Of the numbers.
    """
    parts = []
    for inner, outer, first, number in _RINGS:
        for i in range(number):
            value = segments.get(first + i, float("nan"))
            middle = 90 + 360 / number * i
            fill, ink = _colour(value, low, high)
            parts.append(f'<path d="{_sector(inner, outer, middle, 180 / number)}" fill="{fill}"/>')
            if not isnan(value):
                x, y = _at((inner + outer) / 2, middle)
                parts.append(
                    f'<text x="{x:.1f}" y="{y + 3.5:.1f}" fill="{ink}" class="middle value">'
                    f"{value:.{decimals}f}</text>"
                )
    names = (("anterior", 0, -106), ("inferior", 0, 114))
    parts += [f'<text x="{x}" y="{y}" class="axis middle">{name}</text>' for name, x, y in names]
    for name, x, turn in (("septal", -108, -90), ("lateral", 108, 90)):
        parts.append(
            f'<text transform="translate({x} 0) rotate({turn})" class="axis middle">{name}</text>'
        )
    return (
        f'<figure><svg viewBox="-122 -122 244 244" role="img" aria-label="{title}">'
        f'<g stroke="#777" stroke-width="0.7"><circle r="14" fill="white"/></g>'
        f'<g class="bullseye">{"".join(parts)}</g></svg><figcaption>{title}</figcaption></figure>'
    )


def _at(radius: float, angle_deg: float) -> tuple[float, float]:
    return radius * cos(radians(angle_deg)), -radius * sin(radians(angle_deg))


def _sector(inner: float, outer: float, middle_deg: float, half_deg: float) -> str:
    points = [
        _at(radius, middle_deg + side * half_deg)
        for radius, side in ((outer, -1), (outer, 1), (inner, 1), (inner, -1))
    ]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    return (
        f"M{x0:.2f} {y0:.2f}A{outer} {outer} 0 0 0 {x1:.2f} {y1:.2f}"
        f"L{x2:.2f} {y2:.2f}A{inner} {inner} 0 0 1 {x3:.2f} {y3:.2f}Z"
    )


def _colour(value: float, low: float, high: float) -> tuple[str, str]:
    """Return the colour of a value, and one for writing on it."""
    if isnan(value):
        return "white", "black"
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    at = share * (len(_RAMP) - 1)
    red, green, blue = (
        round(float(np.interp(at, range(len(_RAMP)), _RAMP[:, channel]))) for channel in range(3)
    )
    return f"rgb({red},{green},{blue})", "white" if share > 0.55 else "black"


def scale(low: float, high: float, unit: str) -> str:
    """Return the bullseyes' scale of colours as SVG."""
    steps: Sequence[float] = np.linspace(low, high, 40).tolist()
    cells = "".join(
        f'<rect x="{60 + 6 * i}" y="2" width="6.5" height="10" fill="{_colour(v, low, high)[0]}"/>'
        for i, v in enumerate(steps)
    )
    return (
        f'<svg viewBox="0 0 360 14" class="scale">{cells}<text x="54" y="11" class="axis end">'
        f'{low:g}</text><text x="306" y="11" class="axis">{high:g} {unit}</text></svg>'
    )
