"""How often something that plays may be drawn, so that the window has time for its user. No Qt."""

#: A picture is followed by a rest of so many times what it took: where drawing is quick that
#: changes nothing, and where software does it on a busy machine fewer pictures are shown.
_REST = 2.0
#: What a picture took counts so much beside those before it.
_NEW = 0.3


class Pace:
    """When the next picture is due. Times are in seconds, of any clock.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.is_due(0.0)
    True
    >>> pace.begin(0.0)
    >>> pace.is_due(0.02)  # it is not on the screen yet
    False
    >>> pace.end(0.03)
    >>> pace.is_due(0.05), pace.is_due(0.1)
    (False, True)
    """

    def __init__(self) -> None:
        self._begun: float | None = None
        self._took = self._next = 0.0

    def begin(self, now: float) -> None:
        """Note that a picture is asked for."""
        self._begun = now

    def end(self, now: float) -> None:
        """Note that it is on the screen."""
        if self._begun is not None:
            took = now - self._begun
            self._took = _NEW * took + (1 - _NEW) * self._took if self._took else took
            self._begun, self._next = None, now + _REST * self._took

    def is_due(self, now: float) -> bool:
        """Tell whether there may be another."""
        return self._begun is None and now >= self._next
