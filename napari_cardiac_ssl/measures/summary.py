"""What is said of one heart: volumes at ED and ES and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

from napari_cardiac_ssl.annotations import SliceState
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.measures.papillary import Papillary
from napari_cardiac_ssl.measures.references import Reference, reference
from napari_cardiac_ssl.measures.table import MEASURES, VOLUME_MEASURES, WALL_MEASURES
from napari_cardiac_ssl.measures.volumes import DENSITY_G_PER_ML
from napari_cardiac_ssl.measures.wall import Wall
from napari_cardiac_ssl.person import Sex
from napari_cardiac_ssl.review import UNREVIEWED
from napari_cardiac_ssl.wording import count

#: How states are counted in words, in this order.
_CALLED = {
    SliceState.EXPERT: "confirmed",
    SliceState.EDITING: "being edited",
    SliceState.PREDICTED: "predicted",
    SliceState.EXCLUDED: "excluded",
    SliceState.UNLABELLED: "unlabelled",
}


@dataclass(frozen=True)
class Basis:
    """Which slices of a frame its numbers rest on.

    Parameters
    ----------
    frame
        Which, from 0.
    labelled
        Slices that hold a label.
    states
        Slices by state, where states are known; else empty.
    of
        How many slices the stack has.
    is_part
        Whether its volumes are clearly those of a part of the heart.

    Examples
    --------
    >>> str(Basis(0, (1, 2, 3))), str(Basis(0, (1, 2, 3), of=10))
    ('3 slices', '3 of 10 slices')
    >>> str(Basis(0, (1, 2), {SliceState.EXPERT: (1,), SliceState.PREDICTED: (2, 3)}))
    '1 confirmed, 2 predicted'
    """

    frame: int
    labelled: tuple[int, ...]
    states: Mapping[SliceState, tuple[int, ...]] = field(default_factory=dict)
    of: int = 0
    is_part: bool = False

    @property
    def confirmed(self) -> tuple[int, ...]:
        """The slices with a label that an expert has confirmed."""
        return tuple(z for z in self.states.get(SliceState.EXPERT, ()) if z in self.labelled)

    def number(self, state: SliceState) -> int:
        """Return how many slices are in a state."""
        return len(self.states.get(state, ()))

    def __str__(self) -> str:
        if not self.states:
            labelled = len(self.labelled)
            if not self.of:
                return count(labelled, "slice")
            return f"{labelled} of {count(self.of, 'slice')}"
        return ", ".join(
            f"{self.number(s)} {called}" for s, called in _CALLED.items() if self.number(s)
        )


@dataclass(frozen=True)
class Measures:
    """The numbers of one heart. What is undefined is NaN.

    Parameters
    ----------
    ed, es
        What the numbers at ED and at ES rest on; None where there is no such frame.
    lv_edv_ml, lv_esv_ml, rv_edv_ml, rv_esv_ml
        Volumes of the cavities. The RV's are those at the LV's ED and ES.
    myocardium_ed_ml, myocardium_es_ml
        Volumes of the LV myocardium.
    lv_edv_discs_ml, lv_esv_discs_ml
        By summation of discs, with slices that are not labelled, between others, bridged.
    wall_ed, wall_es
        Wall thickness; None where it was not asked for or cannot be told.
    body_surface_m2
        For indexed values.
    sex
        Of the person, where it is known: for reference ranges.
    papillary
        Where papillary muscles and trabeculae were counted.
    papillary_ed_ml, papillary_es_ml
        What those of the LV have, where they were told from the blood.
    papillary_untold
        On how many slices at ED and ES nothing tells them, although they should be.

    Examples
    --------
    >>> heart = Measures(lv_edv_ml=150, lv_esv_ml=60, myocardium_ed_ml=100)
    >>> heart.lv_sv_ml, heart.lv_ef_percent, heart.lv_mass_g, heart.rv_ef_percent
    (90, 60.0, 105.0, nan)
    """

    ed: Basis | None = None
    es: Basis | None = None
    lv_edv_ml: float = nan
    lv_esv_ml: float = nan
    rv_edv_ml: float = nan
    rv_esv_ml: float = nan
    myocardium_ed_ml: float = nan
    myocardium_es_ml: float = nan
    lv_edv_discs_ml: float = nan
    lv_esv_discs_ml: float = nan
    wall_ed: Wall | None = None
    wall_es: Wall | None = None
    body_surface_m2: float = nan
    sex: Sex | None = None
    papillary: Papillary = Papillary.CAVITY
    papillary_ed_ml: float = nan
    papillary_es_ml: float = nan
    papillary_untold: int = 0

    @property
    def lv_sv_ml(self) -> float:
        """Stroke volume: EDV less ESV."""
        return self.lv_edv_ml - self.lv_esv_ml

    @property
    def rv_sv_ml(self) -> float:
        """Stroke volume of the RV."""
        return self.rv_edv_ml - self.rv_esv_ml

    @property
    def lv_ef_percent(self) -> float:
        """Ejection fraction: 100 × SV / EDV."""
        return 100 * self.lv_sv_ml / self.lv_edv_ml

    @property
    def rv_ef_percent(self) -> float:
        """Ejection fraction of the RV."""
        return 100 * self.rv_sv_ml / self.rv_edv_ml

    @property
    def lv_mass_g(self) -> float:
        """LV mass at ED: volume of the myocardium × 1.05 g/ml."""
        return self.myocardium_ed_ml * DENSITY_G_PER_ML

    @property
    def papillary_mass_g(self) -> float:
        """Mass of the LV's papillary muscles and trabeculae at ED, a part of the LV mass."""
        return self.papillary_ed_ml * DENSITY_G_PER_ML

    @property
    def lv_rv_sv_ml(self) -> float:
        """LV stroke volume less RV stroke volume."""
        return self.lv_sv_ml - self.rv_sv_ml

    @property
    def lv_rv_edv_ratio(self) -> float:
        """LV EDV over RV EDV."""
        return self.lv_edv_ml / self.rv_edv_ml

    def indexed(self, name: str) -> float:
        """Return a measure per square metre of body surface; NaN if that is unknown.

        Examples
        --------
        >>> Measures(lv_edv_ml=150, body_surface_m2=2.0).indexed("lv_edv_ml")
        75.0
        """
        indexed = {measure.column: measure for measure in MEASURES if measure.indexed}
        if name not in indexed:
            raise InputError(f"{name} is not indexed; these are: {', '.join(indexed)}")
        value = indexed[name].of(self)
        return nan if value is None else value / self.body_surface_m2

    def counted(self) -> str:
        """Return in words where papillary muscles were counted, and where that was not told.

        Examples
        --------
        >>> Measures(papillary=Papillary.MASS, papillary_untold=2).counted()
        'papillary muscles and trabeculae counted as myocardium (not told from blood on 2 slices)'
        """
        untold = count(self.papillary_untold, "slice")
        return self.papillary.words + (
            f" (not told from blood on {untold})" if self.papillary_untold else ""
        )

    def reference(self, column: str) -> Reference | None:
        """Return the published range of a measure, or of what is indexed, by its column.

        None where there is none, for a person whose sex is not known, and for a part of a heart.
        """
        return None if self.part() else reference(column, self.sex, self.papillary)

    def bases(self, phases: Sequence[str] = ("ED", "ES")) -> list[Basis]:
        """Return what numbers of these phases rest on."""
        told = {"ED": self.ed, "ES": self.es}
        return [basis for phase in phases if (basis := told.get(phase))]

    def review(self, phases: Sequence[str] = ("ED", "ES")) -> str:
        """Return in few words which of the contours of these phases nobody has confirmed.

        Empty where all are confirmed, and where nobody knows.

        Examples
        --------
        >>> ed = Basis(0, (1, 2), {SliceState.PREDICTED: (1, 2)})
        >>> es = Basis(5, (1,), {SliceState.EXPERT: (1,), SliceState.PREDICTED: (2,)})
        >>> heart = Measures(ed=ed, es=es)
        >>> heart.review(["ED"]), heart.review(["ES"]), heart.review()
        ('unreviewed', '', '1 of 3 slices confirmed')
        """
        known = [basis for basis in self.bases(phases) if basis.states]
        labelled = sum(len(basis.labelled) for basis in known)
        confirmed = sum(len(basis.confirmed) for basis in known)
        if confirmed == labelled:
            return ""
        return f"{confirmed} of {count(labelled, 'slice')} confirmed" if confirmed else UNREVIEWED

    def part(self, phases: Sequence[str] = ("ED", "ES")) -> str:
        """Return which of these phases' volumes are those of a part of the heart, in few words.

        Examples
        --------
        >>> Measures(ed=Basis(0, (4, 5, 6), of=10, is_part=True), es=Basis(9, (1, 2))).part()
        'part of the heart (ED: 3 of 10 slices)'
        """
        told = {"ED": self.ed, "ES": self.es}
        parts = [
            f"{phase}: {len(basis.labelled)} of {count(basis.of, 'slice')}"
            for phase in phases
            if (basis := told.get(phase)) and basis.is_part
        ]
        return f"part of the heart ({', '.join(parts)})" if parts else ""

    def row(self) -> dict[str, object]:
        """Return all numbers as one row of a table: column to value, None where there is none."""
        row: dict[str, object] = {
            "ed_frame": self.ed.frame if self.ed else None,
            "es_frame": self.es.frame if self.es else None,
        }
        row |= {measure.column: measure.of(self) for measure in VOLUME_MEASURES}
        row["papillary"] = str(self.papillary)
        for phase, basis in (("ed", self.ed), ("es", self.es)):
            row[f"{phase}_slices"] = len(basis.labelled) if basis else None
            row[f"{phase}_is_part"] = int(basis.is_part) if basis else None
            if basis and basis.states:
                row |= {f"{phase}_{state}_slices": basis.number(state) for state in SliceState}
        row |= {measure.column: measure.of(self) for measure in WALL_MEASURES}
        if self.body_surface_m2 > 0:
            row["body_surface_m2"] = self.body_surface_m2
            row |= {m.index_column: self.indexed(m.column) for m in MEASURES if m.indexed}
        return row
