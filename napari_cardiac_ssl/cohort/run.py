"""A cohort, from the list of its studies to its table and its page."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from napari_cardiac_ssl.cohort.finding import Listed, listed
from napari_cardiac_ssl.cohort.overview import write_overview
from napari_cardiac_ssl.cohort.spreading import spread_by
from napari_cardiac_ssl.cohort.table import Table
from napari_cardiac_ssl.cohort.work import DONE, Recipe, Row
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.files import check_writable

TABLE, PAGE = "cohort.csv", "index.html"


def run_cohort(
    sources: Sequence[Path],
    recipe: Recipe,
    *,
    scheduler: str | None = None,
    resume: bool = False,
    report: Callable[[Row], None] = lambda row: None,
) -> Path:
    """Do all studies that are named, and write one row each.

    Parameters
    ----------
    sources
        As `listed` takes them.
    recipe
        What is done with each, and where to.
    scheduler
        As `spread_by` takes it.
    resume
        Go on where a run was ended: what is done is not done again, what failed is tried again.
    report
        Called with each row, after it was written.

    Returns
    -------
    Path
        The table, ``cohort.csv``.

    Raises
    ------
    InputError
        If the folder holds something and `resume` is not asked for, or it cannot be written.
    """
    table = Table(recipe.out / TABLE)
    check_writable(table.path)
    spread = spread_by(scheduler)
    done: list[dict[str, str]] = []
    if resume and table.path.exists():
        done = table.keep(DONE)
    elif recipe.out.is_dir() and any(recipe.out.iterdir()):
        raise InputError(
            f"{recipe.out} is not empty; go on there with --resume, or choose another folder"
        )
    else:
        table.begin()
    for row in spread(_to_do(listed(sources), done), recipe):
        table.add(row)
        report(row)
    write_overview(recipe.out / PAGE, table, recipe)
    return table.path


def _to_do(studies: Iterator[Listed], done: list[dict[str, str]]) -> Iterator[Listed]:
    """Yield what is not done yet, each by a name that nobody else has."""
    sources = {row["source"] for row in done}
    taken = {row["study"].casefold() for row in done}
    seen: set[str] = set()
    for study in studies:
        source = str(study.path)
        if source in sources or source in seen:
            continue
        seen.add(source)
        name, number = _as_folder(study.name), 1
        while name.casefold() in taken:
            number += 1
            name = f"{_as_folder(study.name)}-{number}"
        taken.add(name.casefold())
        yield Listed(study.path, name)


def _as_folder(name: str) -> str:
    """Return a name that is one folder's, whatever a list says.

    Examples
    --------
    >>> _as_folder("../a b"), _as_folder("cohort.csv"), _as_folder("..")
    ('_a b', 'cohort.csv_', '_')
    """
    name = "".join("_" if c in '/\\:*?"<>|' or ord(c) < 32 else c for c in name).lstrip(". ")
    name = name or "_"
    return f"{name}_" if name.casefold() in {TABLE, PAGE} else name
