"""A Hugging Face Space, simulated: its front matter, its start without a network, and a GPU lent per call."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from app.page import CLEANED_EVERY, build, launch_options
from app.services import gpu, session
from app.services.host import MODEL_BYTES, logins
from app.services.session import FILES_AGE, Models
from avseg.errors import ClipError, ConfigError
from avseg.media.decode import Limits

START_LIMIT = 300  # seconds; a disk that was never read makes the first import slow
FILE_LIMIT = Limits().file_bytes
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# Imported by every Python of the Space before anything else; who asks beyond the loopback is written down.
NO_NETWORK = """
import os, socket

def _refused(where):
    with open(os.environ["ASKED_LOG"], "a") as log:
        log.write(f"{where}\\n")
    raise OSError(f"no network: {where}")

_connect, _find = socket.socket.connect, socket.getaddrinfo

def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
        _refused(address)
    return _connect(self, address)

def getaddrinfo(host, *rest, **named):
    if host and str(host) not in ("127.0.0.1", "localhost", "0.0.0.0", "::1"):
        _refused(host)
    return _find(host, *rest, **named)

socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""

# As the real package does on ZeroGPU: a forked process per call, everything that goes in and out is pickled.
SPACES = """
import json, multiprocessing, os, pickle, sys

assert "torch" not in sys.modules and "gradio" not in sys.modules, "spaces has to be imported first"

def GPU(task=None, *, duration=None, size=None):
    if task is None:
        return lambda task: GPU(task, duration=duration, size=size)
    if os.environ.get("SPACES_ZERO_GPU") != "true":
        return task
    fork = multiprocessing.get_context("fork")

    def lent(*args, **kwargs):
        sent = pickle.dumps((args, kwargs))
        reader, writer = fork.Pipe(False)

        def work():
            args, kwargs = pickle.loads(sent)
            try:
                answer = pickle.dumps((True, task(*args, **kwargs)))
            except Exception as error:
                answer = pickle.dumps((False, f"{type(error).__name__}: {error}"))
            writer.send_bytes(answer)

        child = fork.Process(target=work)
        child.start()
        answer = reader.recv_bytes()
        child.join()
        with open(os.environ["LENT_LOG"], "a") as log:
            words = {"duration": duration, "tensors": b"torch" in sent or b"torch" in answer}
            log.write(json.dumps(words) + "\\n")
        fine, value = pickle.loads(answer)
        if not fine:
            raise RuntimeError(f"ZeroGPU worker error: {value}")
        return value

    return lent

def gradio_auto_wrap(function):  # Gradio hands every handler through; without a setting nothing is done
    return function
"""


@pytest.fixture(scope="module")
def front(root: Path) -> dict:
    """The front matter of the README, from which a Space is made."""
    return yaml.safe_load((root / "README.md").read_text().split("---\n")[1])


def pins(root: Path) -> dict[str, str]:
    """Package to pinned version."""
    lines = (root / "requirements.txt").read_text().splitlines()
    return dict(line.split("#")[0].strip().split("==") for line in lines if "==" in line)


def test_front_matter_agrees_with_the_repository(front, root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert front["sdk"] == "gradio" and front["sdk_version"] == pins(root)["gradio"]
    assert (root / front["app_file"]).is_file() and "demo = build()" in (root / front["app_file"]).read_text()
    supported = {c.rsplit(" ", 1)[-1] for c in project["classifiers"] if "Python :: 3." in c}
    assert front["python_version"] in supported
    assert front["license"] == project["license"].lower() == "apache-2.0"
    assert "Apache License" in (root / "LICENSE").read_text()
    assert front["title"] == "AVSeg Explorer" and len(front["short_description"]) <= 60
    assert front["emoji"] and {front["colorFrom"], front["colorTo"]} <= {
        *("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
    }
    for name in front.get("models", []):  # only what is on the Hub may be named
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", name)


def test_requirements_are_what_a_space_can_install(root):
    assert all(version and version[0].isdigit() for version in pins(root).values())
    assert "spaces" not in pins(root)  # the platform brings its own
    assert pins(root)["torch"] == pins(root)["torchaudio"]


def test_no_file_needs_large_file_storage(root):
    found = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if found.returncode:
        pytest.skip("not a git clone")
    paths = [root / name for name in found.stdout.split("\0") if name]
    assert paths and max(p.stat().st_size for p in paths if p.is_file()) < 10_000_000


def test_limits_of_a_public_page(monkeypatch):
    demo = build()
    assert launch_options()["max_file_size"] == MODEL_BYTES  # a released model fits
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    assert demo.delete_cache == (CLEANED_EVERY, FILES_AGE) == (600, 7200)
    assert launch_options()["max_file_size"] == Limits().file_bytes  # tried on the Space below
    assert demo._queue.max_size is None and not demo.api_open  # app.services.line has the limits
    # Gradio keeps the components of a session, 0.7 MB, until newer sessions push them out.
    assert 50 <= launch_options()["state_session_capacity"] <= 500


@pytest.mark.parametrize("given", ["ann", "ann:", ":secret", "ann:secret bob", "  "])
def test_a_login_that_is_not_understood_opens_no_page(monkeypatch, given):
    monkeypatch.setenv("AVSEG_LOGIN", given)
    with pytest.raises(ConfigError, match="name:password"):
        logins()


def test_logins(monkeypatch):
    monkeypatch.delenv("AVSEG_LOGIN", raising=False)
    assert logins() is None
    monkeypatch.setenv("AVSEG_LOGIN", "ann:se:cret bob:2")
    assert logins() == [("ann", "se:cret"), ("bob", "2")]


class Lent:
    """A model and what was asked of it."""

    def work(self, number: int, on_frame=None) -> int:
        if number < 0:
            raise ClipError("less than nothing")
        if on_frame:
            on_frame(1, 1)
        return 2 * number


def test_work_runs_here_where_no_gpu_is_lent(monkeypatch):
    models, told = Models(), []
    monkeypatch.setattr(models, "_predictor", lambda name: Lent())
    assert not gpu.LENT
    assert models.run("it", Lent.work, 4, on_frame=lambda done, total: told.append(done)) == 8 and told == [1]
    with pytest.raises(ClipError, match="less than nothing"):
        models.run("it", Lent.work, -1)
    monkeypatch.setattr(gpu, "LENT", True)
    assert models.run("it", Lent.work, 4, on_frame=told.append) == 8 and told == [1]


def test_models_travel_as_a_name():
    import pickle

    assert pickle.loads(pickle.dumps(session.MODELS._work)).__self__ is session.MODELS
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(Models())  # no other one is known over there


def settings_of(folder: Path, root: Path, port: int, **more: str) -> dict[str, str]:
    """The environment of a Space: what the platform sets, no network, none of our own variables."""
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    usual = {k: v for k, v in os.environ.items() if not k.startswith(("AVSEG_", "HF_", "GRADIO_", "SPACE"))}
    return usual | {
        "SPACE_ID": "somebody/avseg-explorer",
        "SPACE_HOST": "somebody-avseg-explorer.hf.space",
        "SPACE_AUTHOR_NAME": "somebody",
        "SYSTEM": "spaces",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HOME": str(folder / "home"),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONPATH": str(folder),
        "ASKED_LOG": str(folder / "asked.txt"),
        "LENT_LOG": str(folder / "lent.txt"),
        "AVSEG_RUNS": str(folder / "runs"),
        **more,
    }


@contextmanager
def space(folder: Path, root: Path, python: str = sys.executable, **more: str) -> Iterator[str]:
    """Run app.py as a Space does; the address of its page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "app.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            [python, "app.py"],
            cwd=root,
            env=settings_of(folder, root, port, **more),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_LIMIT
        while not answers(port):
            assert child.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        child.terminate()
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    assert not (folder / "asked.txt").exists(), (folder / "asked.txt").read_text()


def answers(port: int) -> bool:
    try:
        OPENER.open(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def status(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    try:
        with OPENER.open(urllib.request.Request(url, data, headers or {}), timeout=30) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_space_starts_without_a_network_lets_in_who_may_and_refuses_training(tmp_path, root):
    more = {"AVSEG_LOGIN": "ann:secret", "GRADIO_ROOT_PATH": "/explorer"}
    with space(tmp_path, root, **more) as url:
        asks = {"Content-Type": "application/json"}
        assert status(url + "config") == status(url + "gradio_api/call/segment", b'{"data": []}', asks) == 401
        assert status(url + "login", b"username=ann&password=wrong") == 400
        with OPENER.open(url + "login", b"username=ann&password=secret") as reply:
            given = [value.split(";")[0] for name, value in reply.headers.items() if name == "set-cookie"]
        ann = {"Cookie": "; ".join(given)}
        with OPENER.open(urllib.request.Request(url, headers=ann)) as reply:
            assert "AVSeg Explorer" in reply.read().decode()
        with OPENER.open(urllib.request.Request(url + "config", headers=ann)) as reply:
            config = json.load(reply)
        assert config["space_id"] == "somebody/avseg-explorer" and config["root"].endswith("/explorer")
        for path in ("assets/models/tiny-ms3.safetensors", "app.py", "README.md"):
            assert status(f"{url}gradio_api/file={root / path}", headers=ann) == 403
        assert uploaded(url, FILE_LIMIT + 1, ann) == 413
    assert refused(sys.executable, tmp_path, root)


def uploaded(url: str, size: int, headers: dict[str, str]) -> int:
    """Send a file of a size as a browser does; the status of the answer."""
    start = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    body = start + bytes(size) + b"\r\n--x--\r\n"
    return status(
        f"{url}gradio_api/upload", body, headers | {"Content-Type": "multipart/form-data; boundary=x"}
    )


def refused(python: str, folder: Path, root: Path) -> bool:
    """Say whether training is refused in the environment of a Space, and nothing is written for it."""
    script = textwrap.dedent("""
        from app.services import runs
        from avseg.errors import RunError
        try:
            runs.start(["-m", "avseg", "train", "tiny"], runs.run_folder("mine"))
        except RunError as error:
            print(error)
    """)
    done = subprocess.run(
        [python, "-c", script],
        cwd=root,
        env=settings_of(folder, root, 0) | {"PYTHONPATH": f"{folder}{os.pathsep}{root}"},
        capture_output=True,
        text=True,
    )
    assert "Training is off on this host" in done.stdout, done.stderr
    return not (folder / "runs").exists()


def test_on_zerogpu_models_run_where_the_gpu_is_and_numpy_comes_back(tmp_path, root):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    (tmp_path / "spaces.py").write_text(SPACES)
    lent = tmp_path / "lent.txt"
    with space(tmp_path, root, SPACES_ZERO_GPU="true", AVSEG_GPU_SECONDS="45") as url:
        client = Client(url, verbose=False)
        record, *files = client.predict("dog-and-guitar", None, "tiny-ms3", 1, 0, 2, 0.5, api_name="/segment")
        assert len(record["frames"]) == 2 and all(Path(file).is_file() for file in files)
        numbers, pictures = client.predict(
            "dog-and-guitar", None, "tiny-ms3", 1, "mixer", 1, api_name="/inspect"
        )
        assert numbers["frame"] == 1 and pictures
        answer = client.predict(["mute"], "dog-and-guitar", "tiny-ms3", 1, api_name="/what_if")
        assert answer["iou"] < 0.5  # it listens, there too
        with pytest.raises(AppError, match="The model 'gone' no longer exists"):  # errors keep their words
            client.predict("dog-and-guitar", None, "gone", 1, "mixer", 1, api_name="/inspect")
    calls = [json.loads(line) for line in lent.read_text().splitlines()]
    assert len(calls) == 4  # segment, inspect, before, after: the model that is not there gets no GPU
    assert {call["duration"] for call in calls} == {45} and not any(call["tensors"] for call in calls)


def test_a_space_runs_on_its_python(front, tmp_path, root):
    """With the interpreter of AVSEG_SPACE_PYTHON, else one of that version that has the requirements."""
    named = os.environ.get("AVSEG_SPACE_PYTHON") or shutil.which(f"python{front['python_version']}")
    if sys.version_info[:2] == tuple(map(int, front["python_version"].split("."))):
        pytest.skip(f"these tests run on Python {front['python_version']} already")
    probe = "import sys; print('%d.%d' % sys.version_info[:2]); import gradio, torch, timm, moviepy"
    ready = named and subprocess.run([named, "-c", probe], capture_output=True, text=True)
    if not ready or ready.returncode:
        pytest.skip(
            f"no Python {front['python_version']} with requirements.txt; AVSEG_SPACE_PYTHON names one"
        )
    assert ready.stdout.strip() == front["python_version"]
    with space(tmp_path, root, python=named) as url:
        assert status(url) == status(url + "config") == 200
    assert refused(named, tmp_path, root)
