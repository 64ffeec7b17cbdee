"""Many studies: found, predicted, measured and reported, one row each."""

from napari_cardiac_ssl.cohort.finding import Listed, listed
from napari_cardiac_ssl.cohort.run import run_cohort

__all__ = ["Listed", "listed", "run_cohort"]
