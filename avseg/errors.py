"""Errors for users: each message says what was found, what was expected and what to do."""

import errno
import os

# No space on the disk, a quota that is used up, a file larger than its file system allows.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class AvsegError(Exception):
    """Base class of every error with a message for users."""


class WriteError(AvsegError, OSError):
    """A file cannot be written; made like an OSError, of errno, its meaning and the path."""

    def __str__(self) -> str:
        return f"{self.filename} could not be written: {self.reason}"

    @property
    def reason(self) -> str:
        """The cause and what to do, without the path."""
        if self.errno == errno.ENOSPC:
            return "the disk is full. Free some space and try again."
        if self.errno == errno.EDQUOT:
            return "your disk quota is used up. Free some space and try again."
        if self.errno == errno.EFBIG:
            return "it is larger than this disk or its limits allow. Choose another disk."
        return f"{self.strerror or os.strerror(self.errno or errno.EIO)}. Choose another place."


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
