"""Files in: the only place, with `writers`, that knows file formats."""

import sys
import zlib  # noqa: F401 - before GDCM, see below
from contextlib import suppress

# GDCM, which pydicom decodes with, has a zlib of its own, of another version. The system's zlib, if
# it is GDCM that loads it first, is bound to parts of that one, and the first .nii.gz that is
# written ends the process. Loaded before, it is whole.
# And GDCM first tries to import a module `dl` that Python no longer has: a folder of that name,
# where Python is started, would be taken for it, and nothing could be read.
if "dl" not in sys.modules:
    sys.modules["dl"] = None  # type: ignore[assignment]
    with suppress(ImportError):
        import gdcm  # noqa: F401
    del sys.modules["dl"]
