"""Words of messages, pages and files: numbers with their nouns, moments, what this is not."""

from datetime import UTC, datetime

#: What is said wherever results are looked at.
NOT_A_DEVICE = (
    "For research. Not a medical device: every contour and number is to be checked by someone who "
    "can contour a heart."
)


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "slice"), count(2, "slice"), count(0, "study", "studies")
    ('1 slice', '2 slices', '0 studies')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def now() -> str:
    """Return this moment, UTC, to the second (ISO 8601)."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def local(when: str) -> datetime:
    """Return a moment as the clock on the wall says it.

    Parameters
    ----------
    when
        ISO 8601, with its zone.

    Examples
    --------
    >>> local("2026-01-02T03:04:05+00:00").timestamp()
    1767323045.0
    """
    return datetime.fromisoformat(when).astimezone()
