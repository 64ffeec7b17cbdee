"""Who stands behind a mask: which slices a person has confirmed, and which model drew the others.

It travels in the mask's own file, so that a number that nobody has looked at can be told from one
that somebody has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_cardiac_ssl.annotations import Annotations, SliceState
from napari_cardiac_ssl.study import SliceIndex, Stack
from napari_cardiac_ssl.wording import count

#: What figures are called that rest on contours of which none is confirmed.
UNREVIEWED = "unreviewed"
NOT_KNOWN = "not known"

_LETTERS = {
    SliceState.UNLABELLED: "-",
    SliceState.PREDICTED: "p",
    SliceState.EDITING: "e",
    SliceState.EXPERT: "c",
    SliceState.EXCLUDED: "x",
}
_STATES = {letter: state for state, letter in _LETTERS.items()}
_UNKNOWN = "?"


@dataclass(frozen=True)
class Review:
    """What of a mask a person has confirmed.

    Parameters
    ----------
    states
        For each frame a text with a letter for each slice: ``c`` confirmed by an expert, ``p``
        predicted, ``e`` being edited, ``x`` excluded, ``-`` unlabelled, ``?`` not known.
    model
        What users call the model that predicted, with the beginning of its digest; empty without
        one.

    Examples
    --------
    >>> review = Review(("-pp-", "-cp-"), "heart.safetensors (0123456789ab)")
    >>> review.word
    '1 of 4 slices confirmed'
    >>> str(review)
    '1 of 4 slices confirmed; the others are predictions of heart.safetensors (0123456789ab)'
    >>> Review(("pp",)).word, Review(("cc-",)).word, Review(("??",)).word
    ('unreviewed', 'all 2 slices confirmed', 'not known')
    """

    states: tuple[str, ...]
    model: str = ""

    @property
    def confirmed(self) -> int:
        """How many slices an expert has confirmed."""
        return self._number(SliceState.EXPERT)

    @property
    def contoured(self) -> int:
        """How many slices were confirmed, drawn on or predicted."""
        drawn = (SliceState.EXPERT, SliceState.EDITING, SliceState.PREDICTED)
        return sum(map(self._number, drawn))

    @property
    def word(self) -> str:
        """The share of slices that is confirmed, in few words: as tables show it."""
        if not self.contoured:
            return NOT_KNOWN
        if not self.confirmed:
            return UNREVIEWED
        if self.confirmed == self.contoured:
            return f"all {count(self.contoured, 'slice')} confirmed"
        return f"{self.confirmed} of {count(self.contoured, 'slice')} confirmed"

    def __str__(self) -> str:
        """Return in a line what is confirmed, and whose the rest is."""
        if self.confirmed == self.contoured:
            return self.word
        whose = f"predictions of {self.model}" if self.model else "nobody's who confirmed them"
        if self.confirmed:
            return f"{self.word}; the others are {whose}"
        return f"none of {count(self.contoured, 'slice')} is confirmed; the contours are {whose}"

    def state(self, index: SliceIndex) -> SliceState | None:
        """Return a slice's state; None where it is not known."""
        return _STATES.get(self.states[index.t][index.z])

    def record(self) -> dict[str, object]:
        """Return it as a file keeps it."""
        return {
            "review": self.word,
            "model": self.model,
            "states": self.states,
            "letters": {letter: state.value for letter, state in _STATES.items()},
        }

    @classmethod
    def from_record(cls, said: Mapping[str, Any], shape: tuple[int, int]) -> Review | None:
        """Return what a file keeps of a stack of so many frames and slices; None if it is none."""
        states, model = said.get("states"), said.get("model")
        if not isinstance(states, list) or len(states) != shape[0] or not isinstance(model, str):
            return None
        if not all(isinstance(s, str) and len(s) == shape[1] for s in states):
            return None
        known = set("".join(states)) <= {*_STATES, _UNKNOWN}
        return cls(tuple(states), model) if known else None

    def _number(self, state: SliceState) -> int:
        return sum(of_frame.count(_LETTERS[state]) for of_frame in self.states)


def predicted(stack: Stack, model: str) -> Review:
    """Return the review of a stack that a model has predicted and nobody has looked at."""
    return Review((_LETTERS[SliceState.PREDICTED] * stack.slices,) * stack.frames, model)


def of_annotations(annotations: Annotations, model: str = "") -> Review:
    """Return what a session's labels are worth."""
    frames, slices = annotations.labels.shape[:2]
    states = tuple(
        "".join(_LETTERS[annotations.state(SliceIndex(t, z))] for z in range(slices))
        for t in range(frames)
    )
    return Review(states, model)


def in_time(reviews: Sequence[tuple[Review | None, tuple[int, int]]]) -> Review | None:
    """Return the review of masks that follow each other in time; None where none is known.

    Parameters
    ----------
    reviews
        Of each mask, with its number of frames and slices.
    """
    known = [review for review, _ in reviews if review]
    if not known:
        return None
    states = [
        of_frame
        for review, (frames, slices) in reviews
        for of_frame in (review.states if review else (_UNKNOWN * slices,) * frames)
    ]
    models = dict.fromkeys(review.model for review in known if review.model)
    return Review(tuple(states), " and ".join(models))
