"""The errors that reach a user: each says what was found, what was expected and what to do."""


class AvsegError(Exception):
    """Base of every error meant to be read by a person."""


class ClipError(AvsegError):
    """A media file cannot be used as a clip."""


class DatasetError(AvsegError):
    """A data folder or one of its files is not as its format says."""


class CheckpointError(AvsegError):
    """A weights file cannot be loaded or imported."""


class ConfigError(AvsegError):
    """A configuration value or combination of values is not possible."""


class RunError(AvsegError):
    """A training run cannot begin, go on or be read."""


class ReportError(AvsegError):
    """An evaluation cannot begin, or its report cannot be read or written."""
