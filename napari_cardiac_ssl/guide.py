"""The guide, for those who have the program before them and not its documentation.

It is written once, in ``docs/guide.md``: the wheel brings that file along, and in a checkout it is
read where it stands.
"""

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def guide_text() -> str:
    """Return the guide in Markdown, without what leads or shows elsewhere.

    Pictures are left out, and links become words.
    """
    shipped, checkout = _HERE / "guide.md", _HERE.parent / "docs" / "guide.md"
    text = (shipped if shipped.is_file() else checkout).read_text(encoding="utf-8")
    text = re.sub(r"^!\[[^]]*\]\([^)]*\)\n+(?:^\*.*\*\n+)?", "", text, flags=re.MULTILINE)
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text)


def section(title: str) -> str:
    """Return a section of the guide, with its heading.

    Raises
    ------
    KeyError
        If it has none of that title.

    Examples
    --------
    >>> section("Keys").splitlines()[0]
    '### Keys'
    """
    text = guide_text()
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    if found is None:
        raise KeyError(title)
    end = re.compile(rf"^#{{1,{len(found[1])}}} ", re.MULTILINE).search(text, found.end())
    return text[found.start() : end.start() if end else None].strip()


def headings() -> list[tuple[int, str]]:
    """Return the guide's headings in order, each with its level.

    Examples
    --------
    >>> headings()[0]
    (1, 'Guide')
    """
    prose = re.sub(r"^```.*?^```", "", guide_text(), flags=re.MULTILINE | re.DOTALL)
    return [(len(one[1]), one[2]) for one in re.finditer(r"^(#+) (.+)$", prose, re.MULTILINE)]
