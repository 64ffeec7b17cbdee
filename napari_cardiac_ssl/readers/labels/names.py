"""Structures by the codes that files of others give them."""

from napari_cardiac_ssl.anatomy import Structure, structure_named

__all__ = ["SNOMED", "structure_named"]

#: Structures by their code in SNOMED CT; some write that of the myocardium as a whole.
SNOMED = {structure.snomed[0]: structure for structure in Structure} | {
    "74281007": Structure.MYOCARDIUM
}
