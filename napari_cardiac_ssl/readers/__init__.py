"""Files in: the only place, with `writers`, that knows file formats."""

import sys
from contextlib import suppress

# GDCM, which pydicom decodes with, first tries to import a module `dl` that Python no longer has.
# A folder of that name, where Python is started, would be taken for it, and nothing could be read.
if "dl" not in sys.modules:
    sys.modules["dl"] = None  # type: ignore[assignment]
    with suppress(ImportError):
        import gdcm  # noqa: F401
    del sys.modules["dl"]
