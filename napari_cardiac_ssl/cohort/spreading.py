"""How work is spread: one study after the other here, or many at a time by Dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

from napari_cardiac_ssl.cohort.finding import Listed
from napari_cardiac_ssl.cohort.work import FAILED, Recipe, Row, do
from napari_cardiac_ssl.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

#: Studies that wait for each worker: none is idle, and no list is ever held.
WAITING = 2
#: Workers that may die of one study before it counts as the study's fault.
MOST_DEATHS = 3

Spread = Callable[[Iterable[Listed], Recipe], Iterator[Row]]


def here(studies: Iterable[Listed], recipe: Recipe) -> Iterator[Row]:
    """Do one study after the other in this process."""
    for study in studies:
        yield do(study, recipe)


def spread_by(scheduler: str | None) -> Spread:
    """Return how to spread work.

    Parameters
    ----------
    scheduler
        None: here. ``local`` or ``local:N``: N workers on this machine, by default one for every
        two cores. Else the address of a Dask scheduler, such as ``tcp://host:8786``.

    Raises
    ------
    InputError
        If it is none of these, or Dask is not installed.
    """
    if scheduler is None:
        return here
    try:
        import distributed  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            f"--scheduler {scheduler} needs Dask, which is not installed: pip install "
            "'napari-cardiac-ssl[cohort]'; without --scheduler one process does the work"
        ) from error
    kind, _, number = scheduler.partition(":")
    if kind == "local":
        if number and not (number.isascii() and number.isdigit() and 1 <= int(number) <= 1024):
            raise InputError(f"--scheduler {scheduler}: write local:N, N workers from 1 to 1024")
        workers = int(number) if number else max(1, (os.cpu_count() or 2) // 2)
        return lambda studies, recipe: _on_this_machine(studies, recipe, workers)
    return lambda studies, recipe: _at_address(studies, recipe, scheduler)


def _on_this_machine(studies: Iterable[Listed], recipe: Recipe, workers: int) -> Iterator[Row]:
    import dask  # noqa: PLC0415 - an extra
    from distributed import Client, LocalCluster  # noqa: PLC0415

    # A worker that dies is replaced; what a study takes is not known, so none is killed for it.
    threads = max(1, (os.cpu_count() or 1) // workers)
    environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with ExitStack() as opened:
        opened.enter_context(
            dask.config.set(
                {
                    "distributed.nanny.pre-spawn-environ": environment,
                    "distributed.scheduler.allowed-failures": MOST_DEATHS,
                }
            )
        )
        cluster = opened.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
                silence_logs=50,
            )
        )
        client = opened.enter_context(Client(cluster))
        yield from _through(client, studies, recipe)


def _at_address(studies: Iterable[Listed], recipe: Recipe, address: str) -> Iterator[Row]:
    from distributed import Client  # noqa: PLC0415 - an extra

    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"--scheduler {address}: no Dask scheduler answers ({error}); start one, or write "
            "local:N"
        ) from error
    with client:
        yield from _through(client, studies, recipe)


def _through(client: Client, studies: Iterable[Listed], recipe: Recipe) -> Iterator[Row]:
    """Yield rows as they are done. The model travels to each worker once."""
    from distributed import as_completed  # noqa: PLC0415 - an extra

    shared = client.scatter(recipe, broadcast=True, hash=False)
    studies = iter(studies)
    names: dict[str, Listed] = {}

    def submitted(number: int) -> Iterator[object]:
        for study in islice(studies, number):
            future = client.submit(do, study, shared, pure=False)
            names[future.key] = study
            yield future

    most = WAITING * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    done = as_completed(submitted(most))
    for future in done:
        study = names.pop(future.key)
        error = future.exception()
        yield _lost(study, error) if error else future.result()
        future.release()
        for another in submitted(1):
            done.add(another)


def _lost(study: Listed, error: BaseException) -> Row:
    said = " ".join(str(error).split())
    return {
        "study": study.name,
        "status": FAILED,
        "reason": f"its worker died {MOST_DEATHS + 1} times, or its row was lost: {said}",
        "source": str(study.path),
    }
