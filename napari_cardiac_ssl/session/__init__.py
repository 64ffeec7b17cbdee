"""The label-and-retrain loop's rules. No Qt, no files of its own.

A session is the one owner of state: the stack, its labels and their history, the model, the
running job. Front ends call verbs; the session answers with signals in the past tense. It belongs
to one thread, and what the trainer says reaches it when the front end calls `process_messages`, so
no signal ever comes from elsewhere.
"""

from napari_cardiac_ssl.session.examples import LEAST_STEPS
from napari_cardiac_ssl.session.persistence import Look, MissingStackError
from napari_cardiac_ssl.session.runs import JobStatus, Phase, Start
from napari_cardiac_ssl.session.session import Session

__all__ = ["LEAST_STEPS", "JobStatus", "Look", "MissingStackError", "Phase", "Session", "Start"]
