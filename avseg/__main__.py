"""The command line: python -m avseg <command>; every command's flags come from its function's arguments."""

import os
import sys

import tyro

from avseg.cli import commands
from avseg.errors import AvsegError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, or 1 after an error said in words on stderr."""
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
        # The reader, `head` for example, has seen enough; nothing more may be written at exit either.
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
