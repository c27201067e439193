"""The notebooks: what is kept of them, what they may use, and that they run from top to bottom."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode, v4

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "01_first_clip",
    "02_inside_the_model",
    "03_does_it_listen",
    "04_train_on_synthavs",
    "05_avsbench_and_released_checkpoints",
    "06_ablations",
)
every_notebook = pytest.mark.parametrize("name", NAMES)
spec = importlib.util.spec_from_file_location("notebooks_run", ROOT / "notebooks" / "run.py")
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)


def read(name: str) -> NotebookNode:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def code(book: NotebookNode) -> list[str]:
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def words(book: NotebookNode) -> str:
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


def private_names(source: str) -> list[str]:
    """Return the imports from the app and the private names that code imports or reaches for."""
    found = []
    for node in ast.walk(ast.parse(source)):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules += names if isinstance(node, ast.Import) else []
            found += [name for name in modules if name.split(".")[0] == "app"]
            found += [name for name in (*names, *modules) if any(p.startswith("_") for p in name.split("."))]
        elif isinstance(node, ast.Attribute) and re.match(r"_(?!_.*__$)", node.attr):
            found.append(node.attr)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A project folder of its own: the notebooks copied, what they only read linked."""
    (tmp_path / "notebooks").mkdir()
    for path in (ROOT / "notebooks").iterdir():
        if path.is_file():
            (tmp_path / "notebooks" / path.name).write_bytes(path.read_bytes())
    for folder in ("avseg", "assets"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return tmp_path


def test_the_table_of_this_file_has_every_notebook() -> None:
    assert [path.stem for path in run.notebooks()] == list(NAMES)


@every_notebook
def test_kept_outputs_are_whole_small_and_of_the_full_setting(name: str) -> None:
    book = read(name)
    nbformat.validate(book)
    assert list(run.problems(book)) == []
    counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    shown = [output for cell in book.cells for output in cell.get("outputs", ())]
    assert sum("image/jpeg" in output.get("data", {}) for output in shown) >= 2
    assert shown[0].text.strip() == "Full setting."


@every_notebook
def test_what_is_kept_is_clean(name: str) -> None:
    text = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert nbformat.writes(run.clean(read(name))) + "\n" == text.rstrip("\n") + "\n"
    assert str(ROOT) not in text


@every_notebook
def test_only_the_public_api_is_used(name: str) -> None:
    assert [found for source in code(read(name)) for found in private_names(source)] == []


@pytest.mark.parametrize(
    "source",
    [
        "from app.services.clips import bundled",
        "import app",
        "from avseg.interpret.inspection import _terms",
        "clip._name",
        "import a._b",
    ],
)
def test_private_names_are_found(source: str) -> None:
    assert private_names(source)


def test_dunder_names_are_no_private_names() -> None:
    assert private_names("class A:\n    def __reduce__(self): return self.__class__") == []


@every_notebook
def test_it_begins_alike_says_toy_and_ends_with_things_to_try(name: str) -> None:
    book = read(name)
    assert code(book)[0] == code(read(NAMES[0]))[0]
    assert re.search(r"\btoys?\b", words(book).lower())
    last = [cell.source for cell in book.cells if cell.cell_type == "markdown"][-1]
    assert re.search(r"^## Try\n\n1\. .+\n(?:.+\n)*2\. ", last, re.MULTILINE)
    assert re.search(r"Sec\. |Eq\. |Table ", words(book)) or name.startswith("05")


@every_notebook
def test_links_between_notebooks_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", words(read(name))):
        assert (ROOT / "notebooks" / target).exists(), target


@pytest.mark.slow
@every_notebook
def test_it_runs_from_top_to_bottom(name: str, copy: Path) -> None:
    book = run.clean(run.execute(copy / "notebooks" / f"{name}.ipynb", quick=True))
    assert list(run.problems(book)) == []
    outputs = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    assert outputs[0][0].text.strip() == "Quick setting: fewer clips and steps."
    kept = [cell.outputs for cell in read(name).cells if cell.cell_type == "code"]
    assert [bool(found) for found in outputs] == [bool(found) for found in kept]
    left = {path.name for path in copy.iterdir()} - {"data"}
    assert left == {"notebooks", "avseg", "assets"}


@pytest.mark.slow
def test_an_error_in_a_cell_is_not_overlooked(copy: Path) -> None:
    broken = v4.new_notebook(cells=[v4.new_code_cell("1 / 0")])
    path = copy / "notebooks" / "99_broken.ipynb"
    nbformat.write(broken, path)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run.execute(path)


def output(kind: str, **values: object) -> NotebookNode:
    return v4.new_output(kind, **values)


def book_of(*outputs: NotebookNode) -> NotebookNode:
    return v4.new_notebook(cells=[v4.new_code_cell("1", outputs=list(outputs))])


@pytest.mark.parametrize(
    "found",
    [
        output("error", ename="ValueError", evalue="no", traceback=[]),
        output("stream", name="stdout", text="written to /home/somebody/runs\n"),
        output("stream", name="stderr", text="UserWarning: something\n"),
        output("display_data", data={"text/html": "<b>/tmp/x</b>"}),
        output("display_data", data={"image/png": "A" * 700_000}),
    ],
)
def test_what_must_not_be_kept_is_named(found: NotebookNode) -> None:
    assert len(list(run.problems(book_of(found)))) == 1


def test_clean_takes_out_progress_bars_and_joins_the_text_around_them() -> None:
    bar = output("stream", name="stderr", text="\r 10%|#    | 1/10")
    book = book_of(
        output("stream", name="stdout", text="one\n"), bar, output("stream", name="stdout", text="two\n")
    )
    book.cells[0].metadata = {"execution": {"iopub.execute_input": "2026-01-01"}}
    book.metadata = {"language_info": {"version": "3.11.7"}}
    cleaned = run.clean(book)
    assert [found.text for found in cleaned.cells[0].outputs] == ["one\ntwo\n"]
    assert cleaned.cells[0].metadata == {} and "version" not in cleaned.metadata["language_info"]


def test_a_name_that_begins_no_notebook_is_an_error() -> None:
    with pytest.raises(ValueError, match="01_first_clip"):
        run.notebooks(["77"])


def first_cell_in(folder: Path, repository: str) -> subprocess.CompletedProcess:
    source = code(read(NAMES[0]))[0]
    assert 'REPOSITORY = ""' in source
    source = source.replace('REPOSITORY = ""', f"REPOSITORY = {repository!r}")
    program = source + "\nimport avseg\nprint(Path(avseg.__file__).parent.parent.name, Path.cwd().name)"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_first_cell_asks_for_an_address_where_there_is_no_project(tmp_path: Path) -> None:
    ended = first_cell_in(tmp_path, "")
    assert ended.returncode == 1
    assert "write the address of its repository into REPOSITORY" in ended.stderr


def test_the_first_cell_fetches_and_installs_the_project(tmp_path: Path) -> None:
    origin, here = tmp_path / "origin", tmp_path / "here"
    (origin / "avseg").mkdir(parents=True)
    here.mkdir()
    (origin / "avseg" / "__init__.py").write_text("")
    (origin / "requirements.txt").write_text("# nothing to install\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "project"]):
        subprocess.run([*git, *command], cwd=origin, check=True)
    ended = first_cell_in(here, origin.as_uri())
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["Full", "setting.", "avseg-explorer", "avseg-explorer"]
