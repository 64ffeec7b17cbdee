"""A model as the bytes of its file, for those who only keep it: needs no torch.

A model's file is a safetensors file that carries a digest of its own content: of each of its
bytes, weights, header and card alike, so that a bit that has changed on a disk is noticed.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

#: What the digest is called in the file's metadata.
DIGEST = "napari-cardiac-ssl sha256"
_OURS = "napari-cardiac-ssl"
_BLANK = b"0" * 64


@dataclass(frozen=True)
class ModelFile:
    """A model as the bytes of its file.

    Parameters
    ----------
    digest
        The model's identity.
    data
        Content of its safetensors file.
    slices_learned
        Slices that it learned from.
    parent
        Digest of the model it started from; None from scratch.
    seconds
        Time that its training took.
    """

    digest: str
    data: bytes
    slices_learned: int
    parent: str | None
    seconds: float

    @cached_property
    def checksum(self) -> bytes:
        """A digest of the bytes as they are, whatever they hold."""
        return hashlib.blake2b(self.data, digest_size=16).digest()


def with_digest(data: bytes) -> bytes:
    """Return a safetensors file with the digest of its content in its metadata.

    The digest is the SHA-256 of the whole file in which the digest's own 64 characters are zeros.
    Tensors and other metadata stay as they are.
    """
    header, tensors = _header(data), data[_header_end(data) :]
    metadata = header.setdefault("__metadata__", {})
    metadata.pop(DIGEST, None)
    metadata[DIGEST] = _BLANK.decode()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at multiples of eight
    blank = len(text).to_bytes(8, "little") + text + tensors
    start = blank.rindex(_BLANK, 0, 8 + len(text))
    return b"".join((blank[:start], _sha256(blank), blank[start + len(_BLANK) :]))


def fits_digest(data: bytes) -> bool:
    """Tell whether a safetensors file is as it was written.

    Files from before there was a digest pass, as there is nothing to hold them against; what is no
    safetensors file at all is left to its reader.
    """
    try:
        metadata = _header(data).get("__metadata__", {})
        names = set(metadata)
    except (ValueError, TypeError, RecursionError):
        return True
    if DIGEST not in names:
        # Files without a digest had one entry. With more of ours, its name is what has changed.
        return len(names) < 2 or not any(name.startswith(_OURS) for name in names)
    digest, end = str(metadata[DIGEST]).encode(), _header_end(data)
    start = data.find(digest, 0, end) if len(digest) == len(_BLANK) else -1
    return start >= 0 and digest == _sha256(data[:start], _BLANK, data[start + len(_BLANK) :])


def _header(data: bytes) -> dict[str, Any]:
    # safetensors: eight bytes of length, then that much JSON, then the tensors.
    header = json.loads(data[8 : _header_end(data)].decode())
    if not isinstance(header, dict):
        raise TypeError("no table")
    return header


def _header_end(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def _sha256(*parts: bytes) -> bytes:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest().encode()
