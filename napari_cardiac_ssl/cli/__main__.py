"""``python -m napari_cardiac_ssl.cli``: the same as ``cardiac-ssl``."""

import sys

from napari_cardiac_ssl.cli import main

sys.exit(main())
