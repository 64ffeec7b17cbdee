"""The trainer process and the handle to it. The handle never loads torch; the process does."""

from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.trainer.handle import Trainer
from napari_cardiac_ssl.trainer.messages import (
    Cancelled,
    Died,
    Done,
    Doubted,
    Failed,
    Job,
    Message,
    Predicted,
    Progressed,
    Ready,
    Restarted,
    Trained,
    Wish,
)

__all__ = [
    "Cancelled",
    "Died",
    "Done",
    "Doubted",
    "Failed",
    "Job",
    "Message",
    "ModelFile",
    "Predicted",
    "Progressed",
    "Ready",
    "Restarted",
    "Trained",
    "Trainer",
    "Wish",
]
