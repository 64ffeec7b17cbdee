"""The models of a project: kept in parts, so that no stroke waits for one to be written."""

from napari_cardiac_ssl.anatomy import View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.model_file import ModelFile
from napari_cardiac_ssl.project import rows
from napari_cardiac_ssl.project.journal import Journal

#: So many models can be gone back to; of older ones it is kept what they were.
MOST_MODELS = 5
#: Bytes of a model that are written at a time: a few milliseconds.
PART_BYTES = 512 * 1024
#: No model is larger, whatever a file says.
MOST_MODEL_BYTES = 512 * 2**20


class KeptModels:
    """The models that a project keeps, and which of them is present.

    Parameters
    ----------
    journal
        The project's.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def keep(self, model: ModelFile, view: View, previous: str | None) -> None:
        """Keep a model: in parts, as `retry` is called, or all of it by `set_present`."""
        if self.is_kept(model.digest):
            return
        again = ("DELETE FROM parts WHERE model=?", (model.digest,))  # what a crash has left of it
        self._journal.commit_later([again, rows.model(model, view, previous)])
        for number, start in enumerate(range(0, len(model.data), PART_BYTES)):
            part = memoryview(model.data)[start : start + PART_BYTES]
            insert = "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)"
            self._journal.commit_later([(insert, (model.digest, number, part))])
        self._journal.commit_later([("UPDATE models SET whole=1 WHERE digest=?", (model.digest,))])

    def write_all(self) -> None:
        """Write what is left of the models that are to be kept."""
        self._journal.write_parts()

    def set_present(self, view: View, digest: str | None) -> None:
        """Make a model the present one of a view; with None there is none any more."""
        self.write_all()
        self._journal.commit(
            [
                *rows.present(view, digest),
                (rows.FORGET_PARTS, {"view": view, "models": MOST_MODELS}),
                (rows.MARK_FORGOTTEN, {}),
            ]
        )

    def present(self, view: View) -> str | None:
        """Return the digest of a view's present model."""
        row = self._journal.one("SELECT model FROM present WHERE view=?", view)
        return row[0] if row else None

    def previous(self, digest: str) -> str | None:
        """Return which model was present before another."""
        row = self._journal.one("SELECT previous FROM models WHERE digest=?", digest)
        return row[0] if row else None

    def is_kept(self, digest: str) -> bool:
        """Whether a model can be gone back to."""
        self.write_all()
        return bool(self._journal.one("SELECT 1 FROM models WHERE digest=? AND whole", digest))

    def get(self, digest: str) -> ModelFile:
        """Return a model.

        Raises
        ------
        InputError
            If it is not kept any more, or not as it was written.
        """
        if not self.is_kept(digest):
            raise InputError("that model is not kept any more; train again")
        parent, learned, seconds, checksum = self._journal.one(
            "SELECT parent, slices_learned, seconds, checksum FROM models WHERE digest=?", digest
        )
        (size,) = self._journal.one("SELECT sum(length(data)) FROM parts WHERE model=?", digest)
        if (size or 0) > MOST_MODEL_BYTES:
            raise InputError(f"a model of {size / 2**20:.0f} MiB is in the project; it is not read")
        found = self._journal.all("SELECT data FROM parts WHERE model=? ORDER BY number", digest)
        model = ModelFile(digest, b"".join(data for (data,) in found), learned, parent, seconds)
        if model.checksum != checksum:
            raise InputError(
                "the project holds a model that is not as it was written: its file has changed on "
                "the disk; go back to a copy of it, or train again"
            )
        return model
