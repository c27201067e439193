"""Execute the notebooks and write them back clean: `python notebooks/run.py [01 05 ...]`; or all of them.

Code, text and outputs are kept; times, paths, versions and progress bars are removed, so that the same code
and weights give the same file. A notebook with an error, an absolute path or too many bytes is not written.
"""

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
LARGEST = 600_000  # bytes of a file
CELL_SECONDS = 900
PATHS = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|mnt|opt|usr|var|content|Users|private)/|\b[A-Z]:\\\\")


def notebooks(names: list[str] | None = None) -> list[Path]:
    """Return the notebooks whose names start with one of `names`, or all, in order; else ValueError."""
    every = sorted(FOLDER.glob("[0-9]*.ipynb"))
    chosen = [path for path in every if not names or any(path.name.startswith(name) for name in names)]
    if not chosen:
        raise ValueError(f"No notebook begins with {names}; there are {[path.stem for path in every]}.")
    return chosen


def execute(path: Path, folder: Path | None = None, quick: bool = False) -> NotebookNode:
    """Return the notebook with the outputs of a fresh run in `folder`, by default its own.

    quick: with AVSEG_QUICK=1, fewer clips and steps. Raises CellExecutionError, with the cell and its
    traceback.
    """
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(
        book,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # no warnings about its loopback socket
        resources={"metadata": {"path": str(folder or path.parent)}},
    )
    with tempfile.TemporaryDirectory() as own:
        # The kernel chooses the figures' backend, and no data set of the user's enters the outputs.
        excluded = {"MPLBACKEND", "AVSEG_QUICK", "AVSEG_DATA"}
        env = {name: value for name, value in os.environ.items() if name not in excluded}
        env |= {"AVSEG_QUICK": "1"} if quick else {}
        client.execute(env=env | {"IPYTHONDIR": own, "JUPYTER_RUNTIME_DIR": own})
    return book


def clean(book: NotebookNode) -> NotebookNode:
    """Remove from a notebook what changes from run to run and from machine to machine."""
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    count = 0
    for cell in book.cells:
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = _joined([_clean_output(o, count) for o in cell.outputs if not _is_progress_bar(o)])
    return book


def _is_progress_bar(output: NotebookNode) -> bool:
    """Return whether an output is a progress bar."""
    if output.output_type != "stream" or output.name != "stderr":
        return False
    return "\r" in output.text or not output.text.strip()


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join text that a progress bar had split."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if (
            joined
            and output.output_type == joined[-1].output_type == "stream"
            and output.name == joined[-1].name
        ):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _clean_output(output: NotebookNode, count: int) -> NotebookNode:
    if "metadata" in output:
        output.metadata = {}
    if "execution_count" in output:
        output.execution_count = count
    return output


def problems(book: NotebookNode) -> Iterator[str]:
    """Yield the reasons not to write an executed notebook."""
    size = len(nbformat.writes(book).encode())
    if size > LARGEST:
        yield f"it has {size:,} bytes, the limit is {LARGEST:,}: use fewer or smaller figures"
    for number, cell in enumerate(book.cells):
        for output in cell.get("outputs", ()):
            text = _text(output)
            if output.output_type == "error":
                yield f"cell {number} ended with {output.ename}: {output.evalue}"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {number} warned: {output.text.strip()[:200]}"
            for found in PATHS.findall(text):
                yield f"cell {number} contains an absolute path ({found}...)"
            if re.search(r" at 0x[0-9a-f]{6}", text):
                yield f"cell {number} contains a memory address, which changes in every run"
            host = platform.node()
            if len(host) > 4 and host in text:
                yield f"cell {number} contains the name of the machine"


def _text(output: NotebookNode) -> str:
    data = output.get("data", {}).items()
    texts = [str(value) for kind, value in data if not kind.startswith("image/")]
    return f"{output.get('text', '')} {' '.join(texts)}"


def main() -> int:
    """Run the command; returns 1 if a notebook was not written."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="starts of names, such as 01 or 05_avs")
    parser.add_argument("--quick", action="store_true", help="only run them, with fewer clips and steps")
    chosen = parser.parse_args()
    failed = 0
    for path in notebooks(chosen.names):
        began = time.monotonic()
        book = clean(execute(path, quick=chosen.quick))
        reasons = list(problems(book))
        failed += bool(reasons)
        if not reasons and not chosen.quick:
            nbformat.write(book, path)
        size = len(nbformat.writes(book).encode())
        print(f"{path.name}: {time.monotonic() - began:.0f} s, {size / 1000:.0f} kB", flush=True)
        for reason in reasons:
            print(f"  not written: {reason}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
