"""Charts as SVG: volume over time, and bullseyes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, isnan, radians, sin

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.writers.templating import filled

#: From light to dark, even in lightness: prints in grey as well.
_RAMP = np.array([[247, 251, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]])


@dataclass(frozen=True)
class _Axes:
    """Where the curves' values lie in the picture.

    Parameters
    ----------
    frames
        How many.
    most_ml
        The largest value.
    frame_interval_s
        Time between frames; None makes the axis count frames.
    """

    frames: int
    most_ml: float
    frame_interval_s: float | None
    width: int = 520
    height: int = 220
    left: int = 48
    right: int = 430
    top: int = 14
    bottom: int = 180

    @property
    def unit(self) -> float:
        """What a frame is on the axis of time."""
        return 1000 * self.frame_interval_s if self.frame_interval_s else 1.0

    @property
    def named(self) -> str:
        """What the axis of time shows."""
        return "time in the heartbeat, ms" if self.frame_interval_s else "frame"

    @property
    def ticks(self) -> list[float]:
        """Marks on the axis of time."""
        last = (self.frames - 1) * self.unit
        ticks: list[float] = np.arange(0, last + 1e-9, max(_round_step(last / 6), 1.0)).tolist()
        return ticks

    @property
    def volumes(self) -> list[float]:
        """Marks on the axis of volumes."""
        step = _round_step(self.most_ml / 4)
        volumes: list[float] = np.arange(0, int(self.most_ml / step) + 1.5).tolist()
        return [step * n for n in volumes]

    def x(self, t: float) -> float:
        """Return where a frame lies."""
        return self.left + (self.right - self.left) * t / max(self.frames - 1, 1)

    def y(self, volume: float) -> float:
        """Return where a volume lies."""
        return self.bottom - (self.bottom - self.top) * volume / self.volumes[-1]


def curve(
    volumes_ml: Mapping[Structure, NDArray[np.float64]],
    *,
    ed: int | None,
    es: int | None,
    frame_interval_s: float | None,
) -> Markup:
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
    axes = _Axes(frames, most, frame_interval_s)
    curves = [
        {"name": str(structure), "colour": structure.colour, "runs": _runs(volumes, axes)}
        for structure, volumes in volumes_ml.items()
    ]
    phases = [(name, frame) for name, frame in (("ED", ed), ("ES", es)) if frame is not None]
    return filled("curve.svg", axes=axes, curves=curves, phases=phases)


def _runs(volumes: NDArray[np.float64], axes: _Axes) -> list[list[tuple[float, float]]]:
    """Return the points of a curve, a list for each run of neighbouring frames that are known."""
    known = np.flatnonzero(~np.isnan(volumes))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    return [[(axes.x(int(t)), axes.y(float(volumes[t]))) for t in run] for run in runs]


def _round_step(at_least: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 and so on."""
    power = 10 ** np.floor(np.log10(max(at_least, 1e-9)))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= at_least * 0.999))


#: Rings of the bullseye from outside: inner and outer radius, first segment, how many.
RINGS = ((70, 100, 1, 6), (40, 70, 7, 6), (14, 40, 13, 4))


def bullseye(
    segments: Mapping[int, float], *, low: float, high: float, title: str, decimals: int
) -> Markup:
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
    shown = []
    for inner, outer, first, number in RINGS:
        for i in range(number):
            value = segments.get(first + i, float("nan"))
            middle = 90 + 360 / number * i
            fill, ink = colour_of(value, low, high)
            x, y = _at((inner + outer) / 2, middle)
            path = _sector(inner, outer, middle, 180 / number)
            text = "" if isnan(value) else f"{value:.{decimals}f}"
            shown.append({"path": path, "fill": fill, "ink": ink, "x": x, "y": y, "text": text})
    return filled("bullseye.svg", title=title, segments=shown)


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


def colour_of(value: float, low: float, high: float) -> tuple[str, str]:
    """Return the colour of a value, ``rgb(r,g,b)`` or a name, and one for writing on it."""
    if isnan(value):
        return "white", "black"
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    at = share * (len(_RAMP) - 1)
    red, green, blue = (
        round(float(np.interp(at, range(len(_RAMP)), _RAMP[:, channel]))) for channel in range(3)
    )
    light = _luminance(red, green, blue)
    # What has more contrast (WCAG 2): (1 + 0.05) / (L + 0.05) against (L + 0.05) / 0.05.
    return f"rgb({red},{green},{blue})", "white" if (light + 0.05) ** 2 < 1.05 * 0.05 else "black"


def _luminance(*rgb: int) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2).

    Examples
    --------
    >>> _luminance(0, 0, 0), round(_luminance(255, 255, 255), 6)
    (0.0, 1.0)
    """
    shares = (value / 255 for value in rgb)
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def scale(low: float, high: float, unit: str) -> Markup:
    """Return the bullseyes' scale of colours as SVG."""
    steps: Sequence[float] = np.linspace(low, high, 40).tolist()
    colours = [colour_of(value, low, high)[0] for value in steps]
    return filled("scale.svg", colours=colours, low=low, high=high, unit=unit)
