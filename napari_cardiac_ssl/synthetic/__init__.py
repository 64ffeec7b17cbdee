"""A beating heart with known anatomy, scanned: SAX cine, 2CH and 4CH with masks and true geometry.

It is the built-in study, napari's sample data, the tests' subject, and what shipped weights learn
from. Nothing in it comes from a patient. The body is a set of formulas in mm (`heart`, `torso`), so
volumes and planes are known exactly; `scan` cuts it as a scanner does.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import STRUCTURES_OF_VIEW, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.study import Stack, Study
from napari_cardiac_ssl.synthetic.appearance import Tissue, label, paint
from napari_cardiac_ssl.synthetic.base import Base
from napari_cardiac_ssl.synthetic.heart import PATHOLOGIES, Heart
from napari_cardiac_ssl.synthetic.scan import Planes, Receiver, plan
from napari_cardiac_ssl.synthetic.shapes import Waves
from napari_cardiac_ssl.synthetic.torso import Torso

__all__ = ["PATHOLOGIES", "SyntheticStudy", "make_study"]


@dataclass(frozen=True, eq=False)
class SyntheticStudy:
    """A scanned synthetic person, and the truth.

    Parameters
    ----------
    study
        The stacks, as a reader would return them; image int16.
    masks
        Per view, uint8 in the scheme `ukbb`, shape and grid of ``study.stack(view)``. Papillary
        muscles and trabeculae belong to the cavities.
    pathology
        One of `PATHOLOGIES`.
    seed
        What it was made from.
    lv_centre_mm
        A point on the long axis in the middle of the LV at ED, RAS mm. Both long-axis planes
        hold it.
    long_axis
        Unit direction of the LV long axis, base to apex, RAS: every view's plane follows from it.
    rv_direction
        Unit direction from the LV to the RV, across the long axis, RAS. Lies in the 4CH plane.
    plane_normals
        Per view, the unit normal of its image plane, RAS.
    landmarks
        ``lv_base``, ``lv_apex`` and ``rv_lateral`` at ED, RAS mm.
    lv_volume_ml, myocardium_ml
        Exact volume of the LV cavity per frame, shape ``(t,)``; of the LV myocardium, but for the
        rounded rim at its base (about 1 %).
    slice_shifts_mm
        By how much each short-axis slice was breathed away from where its header says, along the
        image's x and y, shape ``(z, 2)``. Image and mask share it.
    """

    study: Study
    masks: dict[View, NDArray[np.uint8]]
    pathology: str
    seed: int
    lv_centre_mm: NDArray[np.float64]
    long_axis: NDArray[np.float64]
    rv_direction: NDArray[np.float64]
    plane_normals: dict[View, NDArray[np.float64]]
    landmarks: dict[str, NDArray[np.float64]]
    lv_volume_ml: NDArray[np.float64]
    myocardium_ml: float
    slice_shifts_mm: NDArray[np.float64]

    @property
    def lv_ef_percent(self) -> float:
        """Ejection fraction of the LV between the largest and the smallest frame."""
        return float(100 * (1 - self.lv_volume_ml.min() / self.lv_volume_ml.max()))

    @property
    def es_frame(self) -> int:
        """The frame of the smallest LV. ED is frame 0."""
        return int(self.lv_volume_ml.argmin())


@dataclass(frozen=True, eq=False)
class _Person:
    """What is scanned."""

    heart: Heart
    torso: Torso
    tissue: Tissue


def make_study(
    seed: int,
    *,
    pathology: str | None = None,
    frames: int = 20,
    slices: int = 10,
    size: int = 192,
    lax: bool = True,
    noise: float = 0.025,
    breath_hold_mm: float = 1.5,
    detailed_base: bool = False,
    alike_blood: bool = False,
) -> SyntheticStudy:
    """Make a synthetic study. The same arguments give the same study.

    Parameters
    ----------
    seed
        Which person.
    pathology
        One of `PATHOLOGIES`; by default the seed decides.
    frames, slices, size
        Of the cine: frames over one heartbeat, short-axis slices, pixels along either side.
    lax
        Whether to add the 2CH and the 4CH view.
    noise
        Standard deviation of the noise in either channel, relative to blood.
    breath_hold_mm
        Standard deviation of the slices' in-plane shifts, at most twice that; 0 for none.
    detailed_base
        Whether the base varies as it does in people (`synthetic.base`), and the long-axis planes
        miss the long axis a little. Volumes are then right to a few per cent.
    alike_blood
        Whether the left atrium of a detailed base is about as bright as the LV.

    Raises
    ------
    InputError
        If there is no such pathology, or a number is out of range.

    Examples
    --------
    >>> made = make_study(1, pathology="normal", frames=2, slices=5, size=64, lax=False)
    >>> made.study.stack(View.SAX).image.shape
    (2, 5, 64, 64)
    >>> made.study.name, made.masks[View.SAX].dtype.name, made.es_frame
    ('synthetic-0001', 'uint8', 1)
    """
    _check(seed=seed, frames=frames, slices=slices, size=size)
    if not (0 <= noise <= 1 and 0 <= breath_hold_mm <= 20):
        raise InputError(
            f"noise must be in [0, 1] and breath_hold_mm in [0, 20], got {noise} and "
            f"{breath_hold_mm}"
        )
    # One stream per concern: a cine of other size shows the same person.
    body, look, planning, scanning, detail = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(5)
    )
    heart, tissue = Heart.draw(body, pathology), Tissue.draw(look)
    if detailed_base:
        heart = replace(heart, base=Base.draw(detail))
        tissue = tissue.detailed(detail, alike=alike_blood)
    torso, heart = Torso.draw(body, heart)
    person = _Person(heart, torso, tissue)
    receiver = Receiver(
        blood=float(look.uniform(450, 900)),
        noise=noise,
        bias=Waves.draw(look, 380, 4),
        field=Waves.draw(look, 300, 4),
        rng=scanning,
    )
    interval_s = round(float(look.uniform(0.75, 1.05)) / frames, 4)
    planes = plan(
        heart,
        planning,
        slices=slices,
        size=size,
        breath_hold_mm=breath_hold_mm,
        off_axis=detail if detailed_base else None,
    )
    name = f"synthetic-{seed:04d}"
    stacks, masks = [], {}
    for view in (View.SAX, View.LAX_2CH, View.LAX_4CH) if lax else (View.SAX,):
        image, masks[view] = _scan(person, planes[view], receiver, view, frames)
        stacks.append(
            Stack(
                image,
                planes[view].affine,
                view,
                f"{name}_{view.lower()}",
                frame_interval_s=interval_s,
                is_4d=True,
            )
        )
    return SyntheticStudy(
        study=Study(name, tuple(stacks)),
        masks=masks,
        pathology=heart.pathology,
        seed=seed,
        lv_centre_mm=heart.to_ras(0, 0, heart.length_mm / 2),
        long_axis=heart.axes[2],
        rv_direction=heart.axes[0],
        plane_normals={
            stack.view: stack.affine[:3, 2] / np.linalg.norm(stack.affine[:3, 2])
            for stack in stacks
        },
        landmarks=heart.landmarks(),
        lv_volume_ml=np.array([heart.lv_volume_ml(t / frames) for t in range(frames)]),
        myocardium_ml=heart.myocardium_ml,
        slice_shifts_mm=planes[View.SAX].shifts_mm,
    )


def _check(**numbers: int) -> None:
    lowest = {"seed": 0, "frames": 1, "slices": 1, "size": 16}
    for name, number in numbers.items():
        if number < lowest[name]:
            raise InputError(f"{name} must be at least {lowest[name]}, got {number}")


def _through_slice(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a slice shows of the signals through its thickness, ``(z, samples, y, x)``.

    Fat (negative) and water cancel, but not wholly: their phases are never exactly opposed.
    """
    mean = signal.mean(axis=1)
    whole = np.copysign(np.abs(signal).mean(axis=1), mean)
    return np.asarray(mean + np.float32(0.6) * (whole - mean))


def _scan(
    person: _Person, planes: Planes, receiver: Receiver, view: View, frames: int
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Return a view's image and mask, each ``(t, z, y, x)``.

    The body lies still and is sampled once; every frame repaints the window around the heart.
    """
    heart, torso = person.heart, person.torso
    width = 1.2 * planes.pixel_mm
    body = torso.signal(planes.points(np.zeros(3), np.eye(3)), width)
    window = (slice(None), *planes.window(heart))
    points = planes.points(heart.base_mm, heart.axes, (window[1], window[2]))
    around = body[:, :, window[1], window[2]].copy()
    signal = np.repeat(_through_slice(body)[None], frames, axis=0)
    mask = np.zeros(signal.shape, dtype=np.uint8)
    for t in range(frames):
        frame = around.copy()
        shares = paint(frame, points, heart, heart.beat(t / frames), person.tissue, width_mm=width)
        signal[t][window] = _through_slice(frame)
        mask[t][window] = label(shares, STRUCTURES_OF_VIEW[view])
    shade = receiver.shading(planes, torso, heart.to_ras(0, 0, heart.length_mm / 2))
    return receiver.acquire(signal, shade), mask
