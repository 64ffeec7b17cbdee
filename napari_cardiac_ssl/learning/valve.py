"""The mitral valve and the apex, seen by a network in a long-axis cine."""

from napari_cardiac_ssl.geometry.valve_motion import Motion, points_over_time, steadied
from napari_cardiac_ssl.learning.checkpoint import Model
from napari_cardiac_ssl.learning.prediction import predict_stack
from napari_cardiac_ssl.study import Stack


def find_valve(model: Model, stack: Stack) -> Motion:
    """Return the valve's hinge points and the apex in each frame; None where they are not seen.

    Parameters
    ----------
    model
        Of the stack's view.
    stack
        A 4CH or 2CH cine of one heartbeat.

    Raises
    ------
    InputError
        If the model knows another view, or no structures.
    """
    labels, _ = predict_stack(model, stack)
    return steadied(points_over_time(labels, stack))
