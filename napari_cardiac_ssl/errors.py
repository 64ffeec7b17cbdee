"""What a user is meant to read: the one exception, the one warning."""


class InputError(ValueError):
    """Something handed in cannot be used: a file, an option, a mask.

    The message is one line and says what is wrong, where, and what to do about it. The command
    line prints it and exits with 2; the window shows it as a notification. Nothing is changed on
    disk when it is raised.
    """


class InputWarning(UserWarning):
    """Something handed in can be used but is doubtful; one line, as in `InputError`."""
