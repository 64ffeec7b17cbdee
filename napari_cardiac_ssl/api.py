"""The few names that a script needs: read, learn, predict, measure, write.

All of them stand on the package itself too, and are loaded when they are first used::

    import napari_cardiac_ssl as cardiac

    stack = cardiac.read_stack("p1_sax.nii.gz")

What is here is kept as it is from version to version; other modules may change.
"""

from collections.abc import Callable, Sequence
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cardiac_ssl.anatomy import LabelScheme, Structure, View, scheme_named
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import Model, load_model, model_from_bytes, save_model
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.learning.training import Budget, Step, run
from napari_cardiac_ssl.learning.weights import default_weights
from napari_cardiac_ssl.measures import Measured, Measures, Papillary
from napari_cardiac_ssl.readers.labels.registry import read_labels_at
from napari_cardiac_ssl.readers.nifti import Mask, read_stack
from napari_cardiac_ssl.readers.studies import read_study
from napari_cardiac_ssl.review import predicted
from napari_cardiac_ssl.session import Session
from napari_cardiac_ssl.study import SliceIndex, Stack, Study
from napari_cardiac_ssl.writers.masks import write_mask as _write_mask
from napari_cardiac_ssl.writers.report import Source, report_of
from napari_cardiac_ssl.writers.report import write_report as _write_report

__all__ = [
    "ExpertSlices",
    "InputError",
    "LabelScheme",
    "Mask",
    "Measures",
    "Model",
    "Session",
    "SliceIndex",
    "Stack",
    "Structure",
    "Study",
    "View",
    "learn",
    "load_model",
    "measure",
    "predict",
    "read_labels",
    "read_stack",
    "read_study",
    "save_model",
    "scheme_named",
    "shipped_model",
    "write_mask",
    "write_report",
]


def read_labels(path: str | Path, *, like: Stack | None = None, scheme: str | None = None) -> Mask:
    """Read labels in any format that is known: NIfTI, DICOM SEG, contours, cvi42, ``.seg.nrrd``.

    Parameters
    ----------
    path
        The file or folder.
    like
        The image that they were drawn on, on whose grid they are then.
    scheme
        Which integer means which structure, as on the command line: ``ukbb``, ``acdc`` or
        ``1=myocardium,2=lv_cavity``; told from the file or the anatomy if not given.

    Returns
    -------
    Mask
        Its `labels` are integers of the scheme ``ukbb``, whatever the file's are.

    Raises
    ------
    InputError
        If it cannot be read, or lies elsewhere.
    """
    return read_labels_at(path, scheme=scheme_named(scheme) if scheme else None, like=like)


def shipped_model(view: View | str = View.SAX) -> Model:
    """Return the weights that ship for a view.

    Raises
    ------
    InputError
        If none do.
    """
    data = default_weights(View(view))
    if data is None:
        raise InputError(f"no weights ship for {view}; teach a model with learn(start=None)")
    return model_from_bytes(data, "the shipped weights")


def learn(
    examples: Sequence[ExpertSlices],
    *,
    start: Model | None,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    after: Callable[[Step], bool | None] = lambda step: None,
) -> Model:
    """Learn structures from a few annotated slices.

    Parameters
    ----------
    examples
        Stacks with the slices of them that are annotated.
    start
        The model to go on from, as a rule `shipped_model`; None starts from scratch.
    seconds, steps
        How long: one of the two. With steps the same seed gives the same weights.
    seed
        Random seed.
    after
        Called with each step; True finishes early.

    Raises
    ------
    InputError
        If there is nothing to learn from, or the start does not fit.
    """
    budget = Budget(seconds=seconds, steps=steps)
    return run(finetune(examples, start=start, budget=budget, seed=seed), after)


def predict(model: Model, stack: Stack) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    """Predict every slice of a stack.

    Returns
    -------
    labels, confidence
        Shape ``(t, z, y, x)``, that of the image: integers of the scheme ``ukbb``, and from 0 to 1.
    """
    return predict_stack(model, stack)


def measure(
    labels: NDArray[np.integer],
    stack: Stack,
    *,
    ed: int | None = None,
    es: int | None = None,
    body_surface_m2: float = nan,
    papillary: Papillary | str = Papillary.CAVITY,
) -> Measures:
    """Measure a short-axis stack: volumes, ejection fraction, mass, wall thickness.

    Parameters
    ----------
    labels
        Shape ``(t, z, y, x)``, in the scheme ``ukbb``.
    stack
        The image that they are of.
    ed, es
        Frames, from 0; told from the LV's volume where they are not given.
    body_surface_m2
        For indexed values.
    papillary
        Where papillary muscles and trabeculae are counted: ``cavity``, or ``mass``.

    Raises
    ------
    InputError
        If a frame is named that there is not.
    """
    counted = Papillary(papillary)
    measured = Measured(
        labels,
        stack.affine,
        orientation_known=stack.orientation_known,
        image=stack.image if counted is Papillary.MASS else None,
        papillary=counted,
    )
    told = measured.phases()
    phases = (told.ed if ed is None else ed, told.es if es is None else es)
    return measured.measures(phases=phases, wall=True, body_surface_m2=body_surface_m2)


def write_mask(
    path: str | Path,
    labels: NDArray[np.uint8],
    *,
    like: Stack,
    scheme: str = "ukbb",
    predicted_by: str = "",
) -> Path:
    """Write a mask as NIfTI, on the grid and with the header of the image that it belongs to.

    Parameters
    ----------
    path
        The file to be, ``.nii.gz`` or ``.nii``.
    labels
        Shape ``(t, z, y, x)``, in the scheme ``ukbb``.
    like
        The image.
    scheme
        The integers to write, as in `read_labels`.
    predicted_by
        What you call the model whose prediction nobody has confirmed; the file says so then.

    Raises
    ------
    InputError
        If it does not fit, or cannot be written.
    """
    review = predicted(like, predicted_by) if predicted_by else None
    return _write_mask(path, labels, like=like, scheme=scheme_named(scheme), review=review)


def write_report(
    path: str | Path, labels: NDArray[np.uint8], stack: Stack, *, predicted_by: str = ""
) -> Path:
    """Write one page about a short-axis stack: contours, curve, bullseyes, numbers.

    Parameters
    ----------
    path
        The file to be, ``.html``.
    labels, stack
        As in `measure`.
    predicted_by
        As in `write_mask`.

    Raises
    ------
    InputError
        If nothing is labelled, or it cannot be written.
    """
    page = report_of(
        stack.name,
        stack,
        labels,
        scheme=scheme_named("ukbb"),
        sources=[Source("image", stack.name, stack.digest)],
        review=predicted(stack, predicted_by) if predicted_by else None,
    )
    return _write_report(path, page)
