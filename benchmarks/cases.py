"""Where the cases lie that benchmarks are run on, and where results go."""

import os
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path(os.environ.get("CARDIAC_SSL_DATA", HERE / ".." / ".." / "shared" / "data"))
#: Runs go on from what is there; `all.py` names another folder, so that published runs stay.
RESULTS = Path(os.environ.get("CARDIAC_SSL_RESULTS", HERE / "results"))
