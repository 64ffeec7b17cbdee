"""Digests of what is stored, so that a bit that has changed on a disk is noticed."""

import hashlib
import sqlite3
from typing import Any

_BYTES = 16


def seal(*values: Any) -> bytes:
    """Return a digest of a row's values: what they are and where they belong.

    Examples
    --------
    >>> seal(0, 12, b"mask") == seal(0, 12, b"mask"), seal(1, 2, b"") == seal(12, b"")
    (True, False)
    """
    data = [
        value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        for value in values
    ]
    data.append(",".join(map(str, map(len, data))).encode())  # where one ends and the next begins
    return hashlib.blake2b(b"".join(data), digest_size=_BYTES).digest()


class _Checksum:
    """SQL's ``checksum``: of blobs put together, as `ModelFile.checksum` is of the whole."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=_BYTES)

    def step(self, data: bytes) -> None:
        self._digest.update(data)

    def finalize(self) -> bytes:
        return self._digest.digest()


def teach(connection: sqlite3.Connection) -> None:
    """Let SQL on a connection call ``seal`` and ``checksum``."""
    connection.create_function("seal", -1, seal, deterministic=True)
    connection.create_aggregate("checksum", 1, _Checksum)  # type: ignore[arg-type,unused-ignore]
