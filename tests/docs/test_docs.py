"""The Markdown pages: every snippet runs, every link and path leads somewhere, every table is complete."""

import json
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import pytest
import tyro

from app import page as ui
from app.services import evaluations, gate, gpu, line, memory, session
from app.services.clips import MAX_SECONDS
from app.services.host import MODEL_BYTES
from avseg import cli as commands
from avseg.__main__ import main
from avseg.checkpoints import bundled_models, read_card
from avseg.media.clip import FRAME_BYTES
from avseg.media.decode import Limits
from avseg.presets import PRESETS, START_FROM
from tests.support.media import counting

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("app", "assets", "avseg", "docs", "notebooks", "tests")
PAGES = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for found in (ROOT.glob("*.md"), *(ROOT.joinpath(folder).rglob("*.md") for folder in FOLDERS))
        for path in found
    )
)
SERVED = "http://127.0.0.1:7860/"
SMALLER = dict.fromkeys(("train", "ablate"), "--train.batch-size 2 --train.validation-clips 1")  # added flags


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    source = (ROOT / page).read_text(encoding="utf-8")
    found = re.finditer(r"^```([\w{}]*)\n(.*?)^```$", source, re.MULTILINE | re.DOTALL)
    return [Block(m[1], m[2], source[: m.start()].count("\n") + 1) for m in found]


def avseg_commands(page: str) -> list[list[str]]:
    """Return the arguments of every `python -m avseg` of a page's sh blocks."""
    lines = "".join(b.text for b in blocks(page) if b.language == "sh").replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines if "-m avseg" in line]
    return [line[line.index("avseg") + 1 :] for line in words]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder that looks like a clone to what runs in it, with nothing but the assets."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    counting(tmp_path / "my_video.mp4", seconds=2)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_language_is_known():
    for page in PAGES:
        known = {"python", "sh", "text", "nginx", "json", "bibtex", "{toctree}"}
        known |= {""} if page == "CONTRIBUTING.md" else set()
        assert {block.language for block in blocks(page)} <= known, page


@pytest.mark.parametrize("page", [page for page in PAGES if avseg_commands(page)])
def test_every_command_of_every_page_is_understood(page, place):
    """Parsed as it stands, also where it would need AVSBench, released weights or a day."""
    for arguments in avseg_commands(page):
        read = []
        app = tyro.extras.SubcommandApp()
        for function in commands.commands(arguments):
            app.command(_noted(function, read))
        app.cli(prog="python -m avseg", args=arguments)
        assert len(read) == 1, arguments


def _noted(function: Callable[..., int], read: list[dict]) -> Callable[..., int]:
    @wraps(function)
    def note(**given: object) -> int:
        read.append(given)
        return 0

    return note


def test_the_command_line_page_runs(place, capfd):
    for arguments in avseg_commands("docs/command-line.md"):
        more = SMALLER.get(arguments[0], "").split()
        assert main([*arguments, *more]) == 0, (arguments, capfd.readouterr())
    for made in (
        *("outputs/dog-and-guitar/overlay.mp4", "outputs/mute/dog-and-guitar/masks/0001.png"),
        *("outputs/what-if/dog-and-guitar/comparison.json", "reports/check/report.md", "outputs/curve.png"),
        *("runs/first/best.safetensors", "reports/first/report.json", "reports/second/status.json"),
    ):
        assert (place / made).is_file(), made


def test_the_own_data_page_runs(place, capfd, monkeypatch):
    monkeypatch.setenv("AVSEG_CACHE", str(place / "cache"))
    for block in blocks("docs/own-data.md"):
        if block.language == "python":
            exec(compile("\n" * block.line + block.text, "docs/own-data.md", "exec"), {"__name__": "page"})
    for arguments in avseg_commands("docs/own-data.md"):
        assert main([*arguments, "--workers", "1"]) == 0, (arguments, capfd.readouterr())
        if "--dry-run" in arguments:
            assert not (place / "data").exists()
    table = (place / "data/own/AVSS/metadata.csv").read_text().splitlines()
    assert sorted(row.split(",")[5] for row in table[1:]) == ["test", "train", "train", "val"]
    events = [json.loads(line) for line in (place / "runs/own/events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events].count("step") == 1
    report = json.loads((place / "reports/own/report.json").read_text())
    assert report["clips"] == 1 and report["frames"] == 3


POSITIONAL = {
    ("check", "data"),
    ("embed", "data"),
    ("figure", "number"),
    ("info", "model"),
    ("patch", "clip-a"),
    ("patch", "clip-b"),
    ("share", "what"),
} | {(command, argument) for command in ("weights", "data") for argument in ("action", "name")}


def test_the_command_line_page_names_every_command_and_flag():
    page = (ROOT / "docs/command-line.md").read_text()
    for function in commands.commands([]):
        name = function.__name__.replace("_", "-")
        assert f"[`{name}`](#{name})" in page
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0] + page.split("\n## ")[0]
        variables = function.__code__.co_varnames[: function.__code__.co_argcount]
        for flag in set(variables) - {"clips", "preset", "folder", "file", "runs", "clip", "models"}:
            flag = {"mirror": "from"}.get(flag, flag.replace("_", "-"))
            positional = (name, flag) in POSITIONAL
            assert positional or re.search(rf"--(no-)?{flag}\b", section), (name, flag)


def test_the_python_page_runs(place, capsys):
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks("docs/python.md"):
        if block.language == "python":
            exec(compile("\n" * block.line + block.text, "docs/python.md", "exec"), names)
    said = capsys.readouterr().out
    assert "demo" in said and "decoder.attention" in said and "is not a video" in said
    assert (place / "outputs/dog/overlay.mp4").is_file() and (place / "outputs/dog/coco.json").is_file()
    assert names["silent"].foreground.mean() < names["prediction"].foreground.mean()
    assert len(names["recording"]["decoder.attention"]) == names["model"].config.decoder_layers
    assert names["again"].card.weights == "demo" and (place / "outputs/untrained/config.json").is_file()


def test_the_http_page_runs(app_server, place, capsys):
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks("docs/http.md"):
        code = block.text.replace(SERVED, app_server)
        if block.language == "python":
            exec(compile("\n" * block.line + code, "docs/http.md", "exec"), names)
        elif block.language == "sh" and shutil.which("curl"):
            done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=120)
            assert done.returncode == 0 and ('"iou"' in done.stdout or ".mp4" in done.stdout), done
    assert [frame["foreground"] for frame in names["record"]["frames"]] and Path(names["overlay"]).is_file()
    assert names["pictures"] and 0 <= names["answer"]["iou"] <= 1


def test_the_http_page_names_every_endpoint_and_argument():
    page = (ROOT / "docs/http.md").read_text()
    described = ui.build().get_api_info()["named_endpoints"]
    assert set(re.findall(r"\(#[a-z_]+\)", page)) == {f"(#{name[1:]})" for name in described}
    for name, about in described.items():
        section = page.split(f"\n### {name[1:]}\n")[1].split("\n##")[0]
        if "```python" in section:
            for parameter in about["parameters"]:
                assert f"{parameter['parameter_name']}=" in section, (name, parameter["parameter_name"])


def test_the_host_page_lists_every_variable():
    read = {
        variable
        for folder in ("app", "avseg")
        for path in (ROOT / folder).rglob("*.py")
        for variable in re.findall(r"\bAVSEG_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    table = re.findall(r"^\| `(AVSEG_[A-Z_]+)` \|", (ROOT / "docs/host.md").read_text(), re.MULTILINE)
    assert table == sorted(read)


def test_the_host_page_says_the_limits_that_hold():
    page = (ROOT / "docs/host.md").read_text()
    rules = evaluations.PUBLIC_HOST
    for row in (
        f"| length of a clip | {MAX_SECONDS:g} s |",
        f"| size of an upload | {Limits().file_bytes / 1e6:g} MB; {MODEL_BYTES / 1e9:g} GB on a private host",
        f"| size of any other request | {gate.JSON_LIMIT // gate.MIB} MiB |",
        f"| calls that wait | {line.PER_VISITOR} of one visitor, {line.PER_ADDRESS} from one address, "
        f"{line.IN_ALL} in all |",
        f"| results and inspections of all visitors | {memory.DEFAULT_BUDGET[0]} GB (`AVSEG_MEMORY`) |",
        f"| open pages | {session.VISITORS_KEPT}; what Gradio keeps for {ui.SESSIONS_KEPT}, ",
        f"| models in memory | {session.MODELS_KEPT}, together a quarter of the machine's memory |",
        f"| results per visitor | {session.RESULTS_KEPT} |",
        f"| age of a visitor's files | {session.GRACE} s after the connection ended, "
        f"{session.FILES_AGE} s in any case |",
        f"models, {rules.clips} clips, {rules.seconds} s; {rules.waiting} at once, "
        f"{rules.own} of one visitor, "
        f"{rules.address} from one address; {rules.stored} kept |",
        f"for {session.GRACE // 60} minutes: a run goes on",
        f"Arrays of {memory.SPILLED // 10**6} MB and more are temporary files",
        f"the frames of one call ({FRAME_BYTES / 1e9:g} GB at most)",
        f"| one call on ZeroGPU | {gpu.SECONDS} s (`AVSEG_GPU_SECONDS`) |",
    ):
        assert row in page, row


def test_the_container_is_made_of_what_is_there():
    lines = (ROOT / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    front = (ROOT / "README.md").read_text().split("---\n")[1]
    version = re.search(r'python_version: "(.*)"', front)[1]
    assert steps[:2] == [["ARG", f"BASE=python:{version}-slim"], ["FROM", "${BASE}"]]
    copied = [word for step, words in steps if step == "COPY" for word in words.split()[:-1]]
    assert all((ROOT / path).exists() for path in copied)
    assert {"app.py", "app", "avseg", "assets", "requirements.txt"} <= set(copied)
    assert any(step == "RUN" and words.endswith("-r requirements.txt") for step, words in steps)
    settings = dict(word.split("=", 1) for step, words in steps if step == "ENV" for word in words.split())
    assert settings["AVSEG_PUBLIC"] == "1" and settings["GRADIO_SERVER_NAME"] == "0.0.0.0"
    known = (ROOT / "docs/host.md").read_text()
    assert all(f"`{name}" in known for name in settings if name.startswith("AVSEG_"))
    assert json.loads(dict(steps)["CMD"]) == ["python", "app.py"] and dict(steps)["EXPOSE"] == "7860"
    users = [index for index, (step, _) in enumerate(steps) if step == "USER"]
    assert users and steps[users[-1]][1] != "root"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in links(ROOT / page):
        address, _, anchor = target.partition("#")
        if ":" in address:
            assert re.fullmatch(
                r"(https://[\w.-]+\.[a-z]+(/[^\s]*)?|http://127\.0\.0\.1:\d+/?|mailto:.+)", address
            )
            continue
        path = (ROOT / page).parent / address if address else ROOT / page
        assert path.exists() and path.resolve().is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(path), target


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_files_that_pages_name_are_there(page):
    folders = "app|avseg|assets|docs|notebooks|tests|\\.ci"
    for path in re.findall(rf"`((?:{folders})/[\w./-]*\w/?)`", without_blocks(ROOT / page)):
        near = (ROOT / page).parent / path
        assert (ROOT / path).exists() or near.exists(), path


def without_blocks(page: Path) -> str:
    """Return the text of a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures."""
    words = re.sub(r"`[^`\n]*`", "", without_blocks(page))
    return re.findall(r"\]\(([^()\s]+)\)", words) + re.findall(r'(?:src|href)="([^"]+)"', words)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(next(a for n in range(999) if (a := f"{anchor}-{n}" if n else anchor) not in found))
    return found


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "a.md"
    page.write_text(
        "# A `b.c`, d\n## A b_c\n## A b_c\n```sh\n# no heading\n```\n[x](y.md) `[z](w)` ![p](q.png)\n"
    )
    assert anchors(page) == {"a-bc-d", "a-b_c", "a-b_c-1"}
    assert links(page) == ["y.md", "q.png"]


def test_pages_are_found():
    assert {"README.md", "CONTRIBUTING.md", "docs/host.md", "assets/models/README.md"} <= set(PAGES)


def test_the_tables_of_results_are_those_of_the_reports():
    table = runpy.run_path(str(ROOT / "assets/results/table.py"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table["written"](readme) == readme


def test_every_start_from_uses_all_weights():
    """The preset and the model of each such command fit: no tensor is new, and the image size is the same."""
    texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in (*PAGES, "README.md")}
    pattern = r"avseg train (\S+) [^\n`]*--start-from (\S+)"
    pairs = {pair for text in texts.values() for pair in re.findall(pattern, text) if "/" not in pair[1]}
    assert pairs
    for preset, model in pairs - set(START_FROM.items()):  # a lesson trains a new mask head
        config, _ = read_card(bundled_models()[model])
        assert config == PRESETS[preset].model, (preset, model)
