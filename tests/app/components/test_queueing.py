"""The queue of a small page with a slow model, over HTTP."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import pytest

from app.components.blocks import PageBlocks
from app.components.gradio_helpers import ONE_MODEL
from app.services.line import LINE, PER_VISITOR
from app.services.session import VISITORS

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Page:
    """A page whose model works until it is let go, with a light event beside it."""

    def __init__(self) -> None:
        self.go, self.order = threading.Event(), list[str]()
        with PageBlocks() as self.demo:
            name, file, out = gr.Textbox(), gr.File(), gr.Textbox()
            gr.Button().click(self.slow, [name, file], out, api_name="slow", **ONE_MODEL)
            gr.Button().click(lambda: "at once", None, out, queue=False, api_name="light")
        self.url = self.demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")[1]

    def slow(self, name: str, file: str | None) -> str:
        self.go.wait(20)
        self.order.append(name)
        return name

    def post(self, path: str, **body: object) -> dict:
        data = json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}gradio_api/{path}", data, {"Content-Type": "application/json"}
        )
        with OPENER.open(request, timeout=10) as answer:
            return json.load(answer)

    def call(self, session: str, name: str, file: object = None) -> None:
        self.post("call/slow", data=[name, file], session_hash=session)

    def upload(self) -> str:
        head = 'Content-Disposition: form-data; name="files"; filename="a.txt"'
        data = f"--x\r\n{head}\r\n\r\nmine\r\n--x--\r\n".encode()
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        request = urllib.request.Request(f"{self.url}gradio_api/upload", data, kind)
        with OPENER.open(request, timeout=10) as answer:
            return json.load(answer)[0]


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def page(tmp_path, monkeypatch) -> Iterator[Page]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    page = Page()
    yield page
    page.go.set()
    page.demo.close()


def test_one_visitor_cannot_keep_the_others_out(page):
    for number in range(PER_VISITOR + 1):  # one runs, the others wait
        page.call("greedy", f"greedy {number}")
        wait_until(page.demo._queue.get_active_worker_count)
    with pytest.raises(urllib.error.HTTPError) as refused:
        page.call("greedy", "one too many")
    assert f"{PER_VISITOR} of your calls are waiting" in json.load(refused.value)["detail"]
    assert page.post("run/light", data=[], session_hash="other")["data"] == ["at once"]
    page.call("other", "other")
    place = LINE.place("other")
    assert place is not None and place.ahead == 2  # the running call, and one of the greedy visitor
    page.go.set()
    wait_until(lambda: len(page.order) == PER_VISITOR + 2)
    assert page.order[:3] == ["greedy 0", "greedy 1", "other"]


def test_an_upload_belongs_to_the_visitor_whose_call_names_it(page):
    path = page.upload()
    page.go.set()
    served = {"path": path, "meta": {"_type": "gradio.FileData"}}
    page.call("sender", "with a file", served)
    assert VISITORS.of("sender").uploads == {Path(path)}
    VISITORS.leave("sender")
    assert not Path(path).exists()


def test_calls_that_would_go_round_the_queue_are_refused(page):
    with pytest.raises(urllib.error.HTTPError) as refused:
        page.post("run/slow", data=["x", None], session_hash="x")
    assert refused.value.code == 404
