"""Fills templates of pages. Whatever is put in is text, unless a template made it."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from napari_cardiac_ssl.wording import NOT_A_DEVICE

#: The package whose templates are meant if none is named.
_REPORT = "napari_cardiac_ssl.writers.report"


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,  # whatever a template's name ends in
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals["disclaimer"] = NOT_A_DEVICE
    return environment


def filled(template: str, *, package: str = _REPORT, **values: object) -> Markup:
    """Return a template of a package's folder ``templates``, filled with values."""
    text = _environment(package).get_template(template).render(**values)
    return Markup(text.strip())  # noqa: S704


def number(value: float, decimals: int = 0) -> str:
    """Return a number for people, with a minus that is as wide as a plus.

    Examples
    --------
    >>> number(-1.25, 1)
    '−1.2'
    """
    return f"{value:.{decimals}f}".replace("-", "−")
