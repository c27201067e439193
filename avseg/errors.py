"""Errors for users: each message says what was found, what was expected and what to do."""


class AvsegError(Exception):
    """Base class of every error with a message for users."""


class ClipError(AvsegError):
    """A media file cannot be used as a clip."""


class DatasetError(AvsegError):
    """A data set folder or one of its files does not follow its format."""


class CheckpointError(AvsegError):
    """A checkpoint cannot be loaded, imported or published."""


class ConfigError(AvsegError):
    """A setting, or a combination of settings, is invalid."""


class RunError(AvsegError):
    """A training run cannot start, continue or be read."""


class ReportError(AvsegError):
    """An evaluation cannot start, or its report cannot be read or written."""
