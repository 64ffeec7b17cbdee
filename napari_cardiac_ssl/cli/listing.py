"""What a study holds, in few lines: what is alike is counted."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from napari_cardiac_ssl.wording import count

#: So many kinds of stacks, and so many remarks, are shown; the rest is counted.
_KINDS, _REMARKS = 12, 12


def series_lines(series: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each kind of stack, with its remarks."""
    kinds: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for part in series:
        kinds[_kind(part)].append(part)
    groups = list(kinds.values())
    for alike in groups[:_KINDS]:
        yield from _lines(alike)
    if len(groups) > _KINDS:
        rest = sum(len(alike) for alike in groups[_KINDS:])
        yield f"  and {rest} more series; --json lists them all"


def few(lines: Sequence[str], what: str) -> Iterator[str]:
    """Yield the first lines, and how many more there are."""
    yield from lines[:_REMARKS]
    if len(lines) > _REMARKS:
        yield f"and {len(lines) - _REMARKS} more {what}; --json lists them all"


def _kind(part: dict[str, Any]) -> tuple[Any, ...]:
    sizes = ("view", "contrast", "slices", "frames", "rows", "columns", "data_type")
    rounded = [round(value, 1) for value in part["spacing_mm"]]
    return *(part.get(size, "") for size in sizes), *rounded


def _lines(alike: list[dict[str, Any]]) -> Iterator[str]:
    part = alike[0]
    z, y, x = part["spacing_mm"]
    interval = part["frame_interval_s"]
    timing = f", {1000 * interval:.1f} ms apart" if interval else ""
    uids = [uid for one in alike for uid in one.get("uids", ())]
    where = f"from {len(set(uids))} series" if uids else Path(part.get("file", "")).name
    if len(alike) > 1 and not uids:
        where = f"{where}, …"
    times = f"{len(alike)} × " if len(alike) > 1 else ""
    kind = f" ({part['contrast']})" if part.get("contrast") else ""
    apart = f"slices {z:.2f} mm apart" if part["slices"] > 1 else f"slice {z:.2f} mm thick"
    yield (
        f"  {times}{part['view'] + kind:8} {where}: {count(part['slices'], 'slice')} of "
        f"{part['rows']} x {part['columns']}, {count(part['frames'], 'frame')}{timing}; "
        f"pixels {y:.3f} x {x:.3f} mm, {apart}; {part['data_type']}"
    )
    for remark in dict.fromkeys(remark for one in alike for remark in one["remarks"]):
        yield f"           {remark}"
