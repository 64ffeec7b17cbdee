"""Fills the report's templates. Whatever is put in is text, unless a template made it."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("napari_cardiac_ssl.writers.report"),
        autoescape=True,  # whatever a template's name ends in
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment


def filled(template: str, **values: object) -> Markup:
    """Return a template of the folder ``templates``, filled with values."""
    return Markup(_environment().get_template(template).render(**values).strip())  # noqa: S704


def number(value: float, decimals: int = 0) -> str:
    """Return a number for people, with a minus that is as wide as a plus.

    Examples
    --------
    >>> number(-1.25, 1)
    '−1.2'
    """
    return f"{value:.{decimals}f}".replace("-", "−")
