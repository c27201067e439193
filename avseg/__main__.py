"""Entry point of the command line, `python -m avseg COMMAND`; flags are the arguments of its function."""

import os
import sys

import tyro

from avseg.cli import commands
from avseg.errors import AvsegError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, or 1 after an error message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    app = tyro.extras.SubcommandApp()
    try:
        for function in commands(arguments):
            app.command(function)
        return app.cli(prog="python -m avseg", args=arguments) or 0
    except AvsegError as error:
        print(f"avseg: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader, `head` for example, closed the pipe; nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None or error.errno is None:
            raise
        print(f"avseg: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("avseg: stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
