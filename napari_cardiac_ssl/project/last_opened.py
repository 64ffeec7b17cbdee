"""Which studies and projects were opened last: their paths, in a file of the user's own.

A line is a path, in quotes as JSON writes them: a name may hold anything, and a damaged line costs
no other.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import replacing
from napari_cardiac_ssl.project.places import home
from napari_cardiac_ssl.study import Study

#: So many are remembered.
MOST = 8


def last_opened() -> tuple[Path, ...]:
    """Return what was opened last, the newest first.

    Nothing is looked for: a path may be gone, or on a disk that does not answer.
    """
    try:
        lines = _list().read_bytes().splitlines()
    except OSError:
        return ()
    return tuple(dict.fromkeys(_paths(lines)))[:MOST]


def note_opened(path: Path) -> None:
    """Put a path first. What cannot be written is not remembered: it is a help, and no more."""
    path = path.absolute()
    paths = [path, *(one for one in last_opened() if one != path)][:MOST]
    with suppress(InputError), replacing(_list()) as beside:
        beside.write_text("".join(f"{json.dumps(str(one))}\n" for one in paths), encoding="ascii")


def forget_opened() -> None:
    """Remember none of them any more."""
    with suppress(OSError):
        _list().unlink(missing_ok=True)


def place_of(study: Study) -> Path | None:
    """Return what is to be opened to have a study again; None for one that was not read.

    Files of one study lie in one folder, which is the study's then.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from napari_cardiac_ssl.study import NiftiSource
    >>> from napari_cardiac_ssl.synthetic import make_study
    >>> study = make_study(1, frames=1, slices=3, size=16).study
    >>> place_of(study)
    >>> files = (Path("p1") / f"{stack.view.short}.nii" for stack in study.stacks)
    >>> stacks = (replace(s, source=NiftiSource(f)) for s, f in zip(study.stacks, files))
    >>> place_of(replace(study, stacks=tuple(stacks))) == Path("p1")
    True
    """
    paths = {stack.path for stack in study.stacks if stack.path is not None}
    if len(paths) == 1:
        return paths.pop()
    folders = {path.parent for path in paths}
    return folders.pop() if len(folders) == 1 else None


def _paths(lines: Iterable[bytes]) -> Iterable[Path]:
    for line in lines:
        with suppress(ValueError):
            text = json.loads(line)
            if isinstance(text, str) and text:
                yield Path(text)


def _list() -> Path:
    return home().parent / "last-opened.txt"
