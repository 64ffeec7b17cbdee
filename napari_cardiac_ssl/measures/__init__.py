"""What masks say of the heart: volumes, ejection fraction, mass, wall thickness, and doubts."""

from napari_cardiac_ssl.measures.anatomy_checks import AnatomyWarning, Check
from napari_cardiac_ssl.measures.insertion import InsertionPoints
from napari_cardiac_ssl.measures.limits import number_warnings
from napari_cardiac_ssl.measures.measured import Measured
from napari_cardiac_ssl.measures.papillary import Papillary
from napari_cardiac_ssl.measures.references import Reference, reference, stroke_volumes
from napari_cardiac_ssl.measures.summary import Basis, Measures
from napari_cardiac_ssl.measures.table import KEY_MEASURES, MEASURES, Measure
from napari_cardiac_ssl.measures.volumes import Phases
from napari_cardiac_ssl.measures.wall import SEGMENT_NAMES, Wall, thickening_percent
from napari_cardiac_ssl.person import Sex, body_surface_m2

__all__ = [
    "KEY_MEASURES",
    "MEASURES",
    "SEGMENT_NAMES",
    "AnatomyWarning",
    "Basis",
    "Check",
    "InsertionPoints",
    "Measure",
    "Measured",
    "Measures",
    "Papillary",
    "Phases",
    "Reference",
    "Sex",
    "Wall",
    "body_surface_m2",
    "number_warnings",
    "reference",
    "stroke_volumes",
    "thickening_percent",
]
