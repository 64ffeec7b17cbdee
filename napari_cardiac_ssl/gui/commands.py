"""What napari's menus and its command palette offer: verbs of the widget in the current viewer."""

from collections.abc import Callable

import napari
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QApplication

from napari_cardiac_ssl.gui import help_menu
from napari_cardiac_ssl.gui.plane_lines import POSITIONS, TRACES
from napari_cardiac_ssl.gui.widget import CardiacWidget
from napari_cardiac_ssl.gui.window import docked_widget, find_widget


def open_folder() -> None:
    """Ask for a study's folder and open it."""
    _with_widget(lambda widget: widget.ask_to_open("folder"), dock=True)


def open_files() -> None:
    """Ask for images or a project and open them."""
    _with_widget(lambda widget: widget.ask_to_open("file"), dock=True)


def save_project() -> None:
    """Ask for a name, and keep what is done in a project of that name."""
    _with_widget(lambda widget: widget.ask_to_open("save"))


def train() -> None:
    """Learn from what is drawn."""
    _with_widget(lambda widget: widget.learning.try_to_train())


def predict() -> None:
    """Predict all slices that nobody has touched."""
    _with_widget(lambda widget: widget.workspace.actions.predict())


def confirm_slice() -> None:
    """Make the slice in view an example to learn from."""
    _with_widget(lambda widget: widget.workspace.actions.confirm())


def next_suggestion() -> None:
    """Go to the slice that is worth looking at next."""
    _with_widget(lambda widget: widget.workspace.actions.go_to_suggestion())


def set_landmarks() -> None:
    """Ask for three landmarks by clicks."""

    def ask(widget: CardiacWidget) -> None:
        widget.show_views()
        widget.clicks.start()

    _with_widget(ask)


def toggle_planes() -> None:
    """Show or hide where the long-axis planes cut the slices."""
    _with_widget(lambda widget: widget.lines.show(TRACES, not widget.lines.is_shown(TRACES)))


def toggle_positions() -> None:
    """Show or hide the nine anatomical positions."""
    _with_widget(lambda widget: widget.lines.show(POSITIONS, not widget.lines.is_shown(POSITIONS)))


def export() -> None:
    """Show what can be written, and where."""
    _with_widget(lambda widget: widget.show_tab("Export"))


def measure() -> None:
    """Show the heart's numbers."""
    _with_widget(lambda widget: widget.show_tab("Measure"))


def show_keys() -> None:
    """Show what keys and mouse do."""
    help_menu.show_keys(QApplication.activeWindow())


def show_guide() -> None:
    """Show the guide."""
    help_menu.show_guide(QApplication.activeWindow())


def show_about() -> None:
    """Show which version this is, and what it is not."""
    help_menu.show_about(QApplication.activeWindow())


def _with_widget(verb: Callable[[CardiacWidget], object], *, dock: bool = False) -> None:
    """Do something in the widget of the current viewer; say so where there is none."""
    viewer = napari.current_viewer()
    if viewer is None:
        return
    widget = docked_widget(viewer) if dock else find_widget(viewer)
    if widget is None:
        show_info("Open the Cardiac SSL widget first: Plugins > Cardiac SSL.")
    else:
        verb(widget)
