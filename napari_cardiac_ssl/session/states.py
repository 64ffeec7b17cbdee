"""The states of training, and what leads from one to another."""

from enum import StrEnum

from napari_cardiac_ssl.errors import InputError


class State(StrEnum):
    """What training is about."""

    IDLE = "idle"
    #: A few steps after a confirmation, so that the frame in view is predicted within seconds.
    GLANCING = "glancing"
    #: What a glance brought is being taken over; learning follows.
    ADOPTING_GLANCE = "adopting a glance"
    #: Started by a confirmation; a newer one renews it.
    LEARNING = "learning by itself"
    #: To be cut short, for something was confirmed that it does not know.
    YIELDING = "yielding"
    #: Going on from one that was cut short. It is not cut short itself, lest nothing ever ends.
    RENEWING = "renewing"
    #: Asked for by the expert.
    ASKED = "asked for"
    #: A model is there, and predicts.
    PREDICTING = "predicting"
    #: What it predicted is being taken over: too late to cancel.
    ADOPTING = "adopting"


class Event(StrEnum):
    """What happens to training."""

    TRAIN = "training is asked for"
    PREDICT = "a prediction is asked for"
    CONFIRMED = "a slice is confirmed, to be learned from by itself"
    GLANCED = "a glance is over"
    WITHDRAWN = "nothing is to be learned any more of what was confirmed"
    TRAINED = "a model is there"
    COMPLETE = "all predictions are there"
    ADOPTED = "all predictions are taken over"
    NO_HELP = "nothing was gained"
    STOPPED = "it failed, died or was cancelled"


_TRAINS = (State.GLANCING, State.LEARNING, State.YIELDING, State.RENEWING, State.ASKED)
_RUNS = (*_TRAINS, State.PREDICTING)

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.TRAIN): State.ASKED,
    (State.IDLE, Event.PREDICT): State.PREDICTING,
    (State.IDLE, Event.CONFIRMED): State.GLANCING,
    (State.IDLE, Event.GLANCED): State.LEARNING,
    # A confirmation while something runs waits for its end, unless that gives way.
    **{(state, Event.CONFIRMED): state for state in State if state is not State.IDLE},
    (State.LEARNING, Event.CONFIRMED): State.YIELDING,
    (State.YIELDING, Event.WITHDRAWN): State.LEARNING,
    **{(state, Event.TRAINED): State.PREDICTING for state in _RUNS},
    (State.YIELDING, Event.TRAINED): State.RENEWING,
    (State.GLANCING, Event.TRAINED): State.GLANCING,
    (State.GLANCING, Event.COMPLETE): State.ADOPTING_GLANCE,
    (State.PREDICTING, Event.COMPLETE): State.ADOPTING,
    (State.ADOPTING_GLANCE, Event.ADOPTED): State.IDLE,
    (State.ADOPTING, Event.ADOPTED): State.IDLE,
    **{(state, Event.NO_HELP): State.IDLE for state in _RUNS},
    **{(state, Event.STOPPED): State.IDLE for state in _RUNS},
}


def after(state: State, event: Event) -> State:
    """Return the state that an event leads to.

    Raises
    ------
    InputError
        If training is asked for while something runs.
    KeyError
        If the event cannot happen in this state: a fault of this program.

    Examples
    --------
    >>> after(State.IDLE, Event.CONFIRMED)
    <State.GLANCING: 'glancing'>
    >>> after(State.LEARNING, Event.CONFIRMED)
    <State.YIELDING: 'yielding'>
    """
    if event in {Event.TRAIN, Event.PREDICT} and state is not State.IDLE:
        raise InputError("training is running; finish or cancel it first")
    return TRANSITIONS[state, event]
