"""Python's garbage collector, kept from holding the window up.

napari and Qt's bindings hold some hundred thousand objects for as long as the window is there. Now
and then the collector goes through all of them, which takes 150 ms and more: the window stands
still whenever that happens to be, in the middle of a stroke as likely as not. What is there once a
study is open lives on until another one is opened, so it is set aside (`gc.freeze`): collections go
through what came later alone.

What is set aside and not needed any more (a closed study's layers refer to each other in rings, and
with them to its images) would never be let go of. So all is gone through once when another study is
opened, where somebody waits anyway, and nothing stays set aside when the window is closed.
"""

import gc


def set_aside() -> None:
    """Have collections leave alone what is there now; what was set aside before is gone through."""
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()
    gc.freeze()


def take_back() -> None:
    """Have collections go through everything again."""
    gc.unfreeze()
