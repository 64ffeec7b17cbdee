"""How the heart is measured, and whose it is: papillary muscles, height, weight, sex."""

from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QWidget

from napari_cardiac_ssl.gui.panels.controls import describe, row
from napari_cardiac_ssl.gui.workspace import Workspace
from napari_cardiac_ssl.measures import Papillary, Sex
from napari_cardiac_ssl.person import HEIGHTS_CM, WEIGHTS_KG, Person


class ConventionPanel(QWidget):
    """What numbers depend on besides the labels; kept with the project, for each stack.

    Parameters
    ----------
    workspace
        The window's.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.papillary = QComboBox()
        self.papillary.setAccessibleName("Papillary muscles")
        describe(
            self.papillary,
            "Papillary muscles and trabeculae inside the contours: count them as blood, as "
            "contoured; or separate them by brightness, and count them as myocardium (in the RV: "
            "leave them out). Labels are never changed by it.",
        )
        self.papillary.addItem("in the cavity", Papillary.CAVITY)
        self.papillary.addItem("as myocardium", Papillary.MASS)
        self.height = _amount("Height", "cm", *HEIGHTS_CM)
        self.weight = _amount("Weight", "kg", *WEIGHTS_KG)
        self.sex = QComboBox()
        self.sex.setAccessibleName("Sex")
        describe(self.sex, "With it, published ranges of healthy adults stand beside the numbers.")
        self.sex.addItem("not said", None)
        for sex in Sex:
            self.sex.addItem(sex.value, sex)
        self.told = QLabel("As the headers of the images say")
        self.told.hide()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.addRow("Papillary muscles", self.papillary)
        form.addRow("Height, weight", row(self.height, self.weight))
        form.addRow("Sex", self.sex)
        form.addRow("", self.told)
        self.papillary.activated.connect(self._on_papillary)
        self.height.valueChanged.connect(self._on_person)
        self.weight.valueChanged.connect(self._on_person)
        self.sex.activated.connect(self._on_person)
        workspace.session.signals.stack_opened.connect(self.show_said)
        workspace.session.signals.measuring_changed.connect(self.show_said)

    def show_said(self, *_: object) -> None:
        """Show what is said of the open stack."""
        if not self._workspace.is_open:
            return
        measurement = self._workspace.session.measurement
        person, own = measurement.person, self._workspace.session.stack.person
        self.told.setVisible(person == own != Person())
        for part, value in ((self.height, person.height_cm), (self.weight, person.weight_kg)):
            part.blockSignals(True)
            part.setValue(part.minimum() if value is None else value)
            part.blockSignals(False)
        self.sex.setCurrentIndex(max(0, self.sex.findData(person.sex)))
        self.papillary.setCurrentIndex(self.papillary.findData(measurement.papillary))

    def _on_papillary(self, _: int) -> None:
        if not self._workspace.is_open:
            return
        chosen = Papillary(self.papillary.currentData())
        with self._workspace.reporting():
            self._workspace.session.measurement.count_papillary(chosen)
            self._workspace.say(f"{chosen.words}; labels stay as they are")

    def _on_person(self, *_: object) -> None:
        if not self._workspace.is_open:
            return
        height, weight = (
            None if part.value() == part.minimum() else part.value()
            for part in (self.height, self.weight)
        )
        sex = self.sex.currentData()
        with self._workspace.reporting():
            person = Person(height, weight, Sex(sex) if sex else None)
            self._workspace.session.measurement.set_person(person)


def _amount(name: str, unit: str, least: int, most: int) -> QDoubleSpinBox:
    """Return a field for a number that need not be said: its least value says so."""
    field = QDoubleSpinBox()
    field.setRange(least - 1, most)
    field.setDecimals(0)
    field.setSpecialValueText("–")
    field.setSuffix(f" {unit}")
    field.setKeyboardTracking(False)
    field.setAccessibleName(f"{name} in {unit}")
    describe(
        field, f"{name} in {unit}; with height and weight there are indexed values (Mosteller)."
    )
    return field
