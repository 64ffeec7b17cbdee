"""A window of ours says whose heart it shows."""

from napari_cardiac_ssl.gui.window import open_viewer
from napari_cardiac_ssl.synthetic import make_study


def test_title_names_the_study(session, qtbot):
    one, other = (make_study(n, frames=2, slices=3, size=48, lax=False).study for n in (1, 2))
    viewer, widget = open_viewer([], show=False, session=session)
    assert viewer.title == "Cardiac SSL"
    widget.studies.add(one)
    assert viewer.title == f"{one.name} · Cardiac SSL"
    widget.studies.add(other)
    assert viewer.title == f"{other.name} · Cardiac SSL"
    widget.close_session()
    viewer.close()
