"""Options as typed fields: a command declares them beside its function, the parser follows.

An option is a field of the command's own dataclass, annotated with what argparse is told of it::

    @dataclass(frozen=True, kw_only=True)
    class Options:
        study: Annotated[Path, option(metavar="STUDY")]
        rounds: Annotated[int, option("--rounds", parse=COUNT, metavar="N")] = 5

Without a flag it is positional; without a default it is required; a ``bool`` is a switch, a
``Literal`` a choice, and a sequence takes several values. Nothing heavy is imported here, nor by
a command's module before it runs: help loads neither torch nor Qt.
"""

import argparse
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NoReturn,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from napari_cardiac_ssl.anatomy import (
    SCHEMES,
    STRUCTURES_OF_VIEW,
    LabelScheme,
    scheme_named,
    scheme_of,
)
from napari_cardiac_ssl.cli.console import note
from napari_cardiac_ssl.errors import InputError

_Options = TypeVar("_Options")
_Parse = Callable[[str], Any]


@dataclass(frozen=True)
class Command(Generic[_Options]):
    """A command as `cardiac-ssl --help` shows it, what may be said to it, and what it does.

    Parameters
    ----------
    name, summary, example
        Of the command; the example is one that parses.
    options
        The dataclass of its options.
    run
        Takes them and returns the exit code.
    """

    name: str
    summary: str
    example: str
    options: type[_Options]
    run: Callable[[_Options], int]

    def add_to(self, commands: "argparse._SubParsersAction[Parser]") -> None:
        """Add the command and its options to a parser's commands."""
        parser = commands.add_parser(
            self.name,
            help=self.summary.rstrip("."),
            description=self.summary,
            epilog=f"example:\n  {self.example}",
        )
        _add_options(parser, self.options)

    def __call__(self, said: argparse.Namespace) -> int:
        """Run the command with what was parsed."""
        names = [field.name for field in fields(self.options)]  # type: ignore[arg-type]
        return self.run(self.options(**{name: getattr(said, name) for name in names}))


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations and says what is wrong in one line."""

    def __init__(self, **settings: Any) -> None:
        # Abbreviations that work today are ambiguous tomorrow: scripts depend on this.
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; argparse would print the usage as well."""
        note(f"{self.prog}: {message}; see {self.prog} --help")
        self.exit(2)


@dataclass(frozen=True)
class _Declared:
    flags: tuple[str, ...]
    parse: _Parse | None
    instead_of: str
    settings: dict[str, Any]


def option(
    *flags: str, parse: _Parse | None = None, instead_of: str = "", **settings: Any
) -> _Declared:
    """Declare an option, for a field's ``Annotated`` type.

    Parameters
    ----------
    flags
        Such as ``-o, --output``; none for what is told by its place.
    parse
        Turns text into the value; default: the field's own type.
    instead_of
        The option before it that it excludes.
    settings
        As of `argparse.ArgumentParser.add_argument`: help, metavar, choices, nargs.
    """
    return _Declared(flags, parse, instead_of, settings)


def _add_options(parser: argparse.ArgumentParser, options: type) -> None:
    hints = get_type_hints(options, include_extras=True)
    declared = {field: get_args(hints[field.name]) for field in fields(options)}
    excluded = {said.instead_of for _, said in declared.values()} - {""}
    group: argparse._MutuallyExclusiveGroup | None = None
    for field, (kind, said) in declared.items():
        if field.name in excluded:
            group = parser.add_mutually_exclusive_group()
        of_group = group is not None and (field.name in excluded or said.instead_of)
        add = group.add_argument if group is not None and of_group else parser.add_argument
        add(*(said.flags or [field.name]), **_settings(field, kind, said))


def _settings(field: Field[Any], kind: Any, said: _Declared) -> dict[str, Any]:
    settings = dict(said.settings)
    if said.flags:
        settings["dest"] = field.name
        if field.default is MISSING:
            settings["required"] = True
    if kind is bool:
        return settings | {"action": "store_true"}
    if field.default is not MISSING:
        settings["default"] = field.default
    if get_origin(kind) is Literal:
        settings["choices"] = get_args(kind)
    if get_origin(kind) is Sequence:
        settings.setdefault("nargs", "+")
    if said.parse or _is_path(kind):
        settings["type"] = said.parse or Path
    return settings


def _is_path(kind: Any) -> bool:
    return kind is Path or any(map(_is_path, get_args(kind)))


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"'{text}' is not a whole number from {least} to {most}"
            )
        return int(text)

    return parse


def _above_0(of: str = "") -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number{of} above 0")
        return value

    return parse


COUNT, SEED, FRAME = _whole(1, 10**9), _whole(0, 2**32 - 1), _whole(0, 10**6)
SECONDS, MINUTES = _above_0(" of seconds"), _above_0(" of minutes")
MILLIMETRES, POSITIVE = _above_0(" of millimetres"), _above_0()


def scheme_name(text: str) -> str:
    """Return the name of the scheme that is said: a preset, integers, or a file of them."""
    try:
        if text in SCHEMES or ("=" in text and not Path(text).is_file()):
            return scheme_named(text).name
        if Path(text).is_file():
            return _scheme_in(Path(text)).name
        if Path(text).suffix:
            raise InputError(f"no such file: {text}")
        return scheme_named(text).name
    except (InputError, OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _scheme_in(file: Path) -> LabelScheme:
    """Return the scheme in a small file: lines such as ``1 = myocardium``, or JSON."""
    text = file.read_text(encoding="utf-8")
    if text.lstrip().startswith("{"):
        return scheme_of((str(code), str(meaning)) for code, meaning in json.loads(text).items())
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    pairs = [re.fullmatch(r"(\S+?)\s*[=,;:\s]\s*(.+)", line) for line in lines if line]
    if not all(pairs):
        raise InputError(f"{file}: no file of integers and what they mean: 1 = myocardium, …")
    return scheme_of((pair[1], pair[2].strip()) for pair in pairs if pair)


#: How a label scheme is said.
SCHEME = "ukbb|acdc|1=NAME,2=NAME|FILE"
#: The views that can be learned.
LEARNED_VIEWS = tuple(map(str, STRUCTURES_OF_VIEW))

# What several commands take.

Scheme = Annotated[
    str | None,
    option(
        "--scheme",
        parse=scheme_name,
        metavar=SCHEME,
        help="of masks that do not say (predict's do); default: told from each mask's anatomy",
    ),
]
ImageView = Annotated[
    str | None,
    option(
        "--view",
        choices=LEARNED_VIEWS,
        help="what the images show (default: told by their names, else what the model knows)",
    ),
]
StartFrom = Annotated[
    str, option("--from", metavar="default|scratch|MODEL", help="what to start from")
]
Steps = Annotated[
    int | None,
    option("--steps", parse=COUNT, instead_of="seconds", metavar="N", help="instead: repeatable"),
]
Seed = Annotated[int, option("--seed", parse=SEED, metavar="S", help="random seed (0)")]
ModelFile = Annotated[Path, option("-o", "--output", metavar="MODEL", help="ends in .safetensors")]
Json = Annotated[bool, option("--json", help="results for programs")]
LongAxisStudy = Annotated[
    Path | None,
    option(
        "--long-axis",
        metavar="STUDY",
        help="with the 2CH or 4CH cine of the same scan: what lies beyond its mitral valve plane "
        "and apex, frame by frame, is left out",
    ),
]
LongAxisFrame = Annotated[
    int | None,
    option(
        "--long-axis-frame",
        parse=FRAME,
        metavar="T",
        help="which frame of these cines a short axis of one frame shows, from 0",
    ),
]
StudyOfMasks = Annotated[
    Path | None,
    option(
        "--study",
        metavar="STUDY",
        help="the images that masks were drawn on: needed for DICOM SEG, contours and cvi42",
    ),
]
EdFrame = Annotated[
    int | None,
    option("--ed-frame", parse=FRAME, metavar="T", help="of 4-D masks, from 0 (largest LV cavity)"),
]
EsFrame = Annotated[
    int | None,
    option(
        "--es-frame", parse=FRAME, metavar="T", help="of 4-D masks, from 0 (smallest LV cavity)"
    ),
]
HeightCm = Annotated[
    float | None,
    option("--height-cm", parse=POSITIVE, metavar="CM", help="with the weight: indexed values too"),
]
WeightKg = Annotated[float | None, option("--weight-kg", parse=POSITIVE, metavar="KG")]
SexOf = Annotated[
    Literal["female", "male"] | None,
    option("--sex", choices=("female", "male"), help="published reference ranges beside numbers"),
]
PapillaryMuscles = Annotated[
    Literal["cavity", "mass"],
    option(
        "--papillary",
        help="papillary muscles and trabeculae: in the cavity, as contoured (default), or told "
        "from the blood by the image and counted as LV mass",
    ),
]


def landmarks_option(what: str) -> _Declared:
    """Return the option ``--landmarks``, which several commands take for different ends."""
    return option(
        "--landmarks",
        metavar="JSON",
        help=what + '{"<study id>": {"lv_base": [x, y, z], "lv_apex": […], "rv_lateral": […]}, …}, '
        "RAS mm",
    )


#: Where the RV meets the LV.
InsertionFile = Annotated[
    Path | None,
    option(
        "--landmarks",
        metavar="JSON",
        help='RV insertion points: {"<study id>": {"rv_anterior": [x, y, z], "rv_inferior": […]}, '
        "…}, RAS mm (default: told from the labels)",
    ),
]
#: Where the planes of studies without long-axis views are.
LandmarksFile = Annotated[Path | None, landmarks_option("for studies without long-axis views: ")]
