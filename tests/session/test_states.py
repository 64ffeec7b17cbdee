"""The states of training: what leads to what, and that nothing leads nowhere."""

import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.session.states import TRANSITIONS, Event, State, after


def path(*events):
    """The states that events lead through, from idle on."""
    state, passed = State.IDLE, []
    for event in events:
        state = after(state, event)
        passed.append(state)
    return passed


def test_a_confirmation_is_followed_by_a_glance_and_then_by_learning():
    assert path(
        Event.CONFIRMED, Event.TRAINED, Event.COMPLETE, Event.ADOPTED, Event.GLANCED, Event.TRAINED
    ) == [
        State.GLANCING,
        State.GLANCING,
        State.ADOPTING_GLANCE,
        State.IDLE,
        State.LEARNING,
        State.PREDICTING,
    ]


def test_what_learns_by_itself_gives_way_once():
    assert path(Event.CONFIRMED, Event.NO_HELP, Event.GLANCED, Event.CONFIRMED, Event.TRAINED)[
        2:
    ] == [State.LEARNING, State.YIELDING, State.RENEWING]
    assert after(State.RENEWING, Event.CONFIRMED) is State.RENEWING
    assert after(State.RENEWING, Event.TRAINED) is State.PREDICTING


def test_what_was_asked_for_is_not_cut_short_by_a_confirmation():
    assert path(Event.TRAIN, Event.CONFIRMED, Event.TRAINED) == [
        State.ASKED,
        State.ASKED,
        State.PREDICTING,
    ]


@pytest.mark.parametrize("state", [state for state in State if state is not State.IDLE])
@pytest.mark.parametrize("event", [Event.TRAIN, Event.PREDICT])
def test_one_job_at_a_time(state, event):
    with pytest.raises(InputError, match="training is running"):
        after(state, event)


def test_what_is_being_adopted_can_neither_fail_nor_be_cancelled():
    for state in (State.ADOPTING, State.ADOPTING_GLANCE):
        assert {event for at, event in TRANSITIONS if at is state} == {
            Event.CONFIRMED,
            Event.ADOPTED,
        }


def test_every_state_is_reached_and_comes_to_rest():
    reached = {State.IDLE}
    for _ in State:
        reached |= {to for (at, _), to in TRANSITIONS.items() if at in reached}
    assert reached == set(State)
    resting = {State.IDLE}
    for _ in State:
        resting |= {at for (at, _), to in TRANSITIONS.items() if to in resting}
    assert resting == set(State)
