"""Errors that a user can mend: a command shows each in one line, without a traceback."""

import errno


class RunError(RuntimeError):
    """A run that cannot start, continue or be read; the message says what to do."""


class ConfigError(ValueError):
    """A config that cannot be run; the message has one line per mistake."""


class Interrupted(Exception):
    """The user or the system asked the run to stop."""


def explain_os_error(error: OSError, place: object = None, remedy: str = "then try again") -> str:
    """Return one line on a file that could not be read or written, with a remedy.

    Args:
      error: what happened.
      place: folder or file to name; the one that the error names if None.
      remedy: what to do once there is space on the disk.
    """
    where = place or error.filename or "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}: the disk is full; free some space, {remedy}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where}: cannot be written: {error.strerror}; choose another --output"
    what = f": {error.filename}" if error.filename and str(error.filename) != str(where) else ""
    return f"{where}: {error.strerror or error}{what}"
