"""What a rehearsal has brought: scores on what nobody has drawn, as a table and in words."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import Structure
from napari_cardiac_ssl.metrics import mean_defined, score
from napari_cardiac_ssl.study import SliceIndex

Row = dict[str, object]


def rows_of(
    number: int,
    labels: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    drawn: Collection[SliceIndex],
    *,
    spacing_mm: tuple[float, float, float],
    structures: Sequence[Structure],
) -> list[Row]:
    """Score every frame on the slices that the expert has not drawn.

    Parameters
    ----------
    number
        Of the round.
    labels, truth
        Shape ``(t, z, y, x)``, UKBB integers. Frames without a reference are not scored.
    drawn
        The slices that are the expert's.
    spacing_mm
        Of ``z, y, x``.
    structures
        Those to score.
    """
    rows: list[Row] = []
    for t, frame in enumerate(truth):
        others = [z for z in range(len(frame)) if SliceIndex(t, z) not in drawn]
        if not frame.any() or not others:
            continue
        found = score(
            labels[t : t + 1],
            truth[t : t + 1],
            spacing_mm=spacing_mm,
            structures=structures,
            slices=others,
        )
        rows += [
            {
                "round": number,
                "slices_drawn": len(drawn),
                "frame": t,
                "structure": one.structure.value,
                "dice": one.dice,
                "hd95_mm": one.hd95_mm,
                "mean_surface_distance_mm": one.mean_surface_distance_mm,
            }
            for one in found
        ]
    return rows


def said_of(rows: Sequence[Row], slices: Sequence[SliceIndex], out: Path) -> str:
    """Return what came out, in a table if there was a reference."""
    drawn = f"drawn: frame {slices[0].t}, slices {', '.join(str(i.z) for i in slices)}; "
    lines = [
        drawn + "scored on all other slices, mean over frames",
        f"{'round':<7}{'structure':<14}{'Dice':>7}{'HD95 (mm)':>12}{'mean distance (mm)':>21}",
    ]
    if not rows:
        lines = [drawn + "from the model's first guess, as there is no reference: no figures"]
    for key in dict.fromkeys((row["round"], row["structure"]) for row in rows):
        mine = [row for row in rows if (row["round"], row["structure"]) == key]
        dice_, hd95, distance = (
            mean_defined(float(str(row[column])) for row in mine)
            for column in ("dice", "hd95_mm", "mean_surface_distance_mm")
        )
        lines.append(f"{key[0]!s:<7}{key[1]!s:<14}{dice_:>7.3f}{hd95:>12.1f}{distance:>21.2f}")
    files = "masks, model, metrics" if rows else "masks, model"
    if (out / "report.html").exists():
        files = f"report, {files}"
    lines.append(f"{files} and screenshots are in {out}")
    return "\n".join(lines)
