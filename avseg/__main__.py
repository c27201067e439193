"""Entry point of the command line, `python -m avseg COMMAND`; flags are the arguments of its function."""

import io
import os
import sys
from pathlib import Path

import tyro

from avseg.cli import commands
from avseg.errors import AvsegError
from avseg.files import full_disk, write_error


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, or 1 after an error message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8
    app = tyro.extras.SubcommandApp()
    try:
        for function in commands(arguments):
            app.command(function)
        status = app.cli(prog="python -m avseg", args=arguments) or 0
        sys.stdout.flush()
        return status
    except SystemExit:
        if files := [name for name in arguments if name.startswith("-") and os.path.isfile(name)]:
            print(f"avseg: {files[0]} is a file: put -- before such names.", file=sys.stderr)
        raise
    except AvsegError as error:
        print(f"avseg: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, `head` for example, closed the pipe
        _discard_output()
        return 0
    except OSError as error:
        if full_disk(error):  # every file is written by avseg.files, so it is the output that has no space
            _discard_output()
            error = write_error(error.errno, Path(error.filename or "The output"))
            print(f"avseg: {error}", file=sys.stderr)
            return 1
        if error.filename is None or error.errno is None:
            raise
        print(f"avseg: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("avseg: stopped.", file=sys.stderr)
        return 130


def _discard_output() -> None:
    """Let nothing more be flushed to a standard output that cannot be written, at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
