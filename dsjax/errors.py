"""What a user can mend, or asked for: the scripts show each in one line, without a traceback."""


class RunError(RuntimeError):
    """A run that cannot start, continue or be read; the message says what to do."""


class ConfigError(ValueError):
    """A config that cannot be run; the message has one line per mistake."""


class Interrupted(Exception):
    """The user or the system asked the run to stop."""
