"""The Train tab on a public host: it shows the command, starts nothing, and reveals nothing of any run."""

import json
import urllib.error
import urllib.request

import gradio as gr
import pytest

from app import train
from app.components.add_model import panel
from app.components.page_context import LinkParts, PageContext
from app.services import runs
from app.services.session import Visitor
from app.train import form_handlers, handlers
from app.train.state import TrainState
from avseg.errors import AvsegError
from tests.support.training_runs import a_run, own_runs, values  # noqa: F401 (a fixture)


def test_a_public_host_shows_the_command_and_refuses_the_rest(monkeypatch, tmp_path):
    a_run("one")
    monkeypatch.setenv("AVSEG_PUBLIC", "1")
    form = form_handlers.preview(values())
    assert "avseg train tiny" in form.command and "runs/new" in form.command
    assert str(runs.runs_root()) not in form.command + form.checks
    state = TrainState("one")
    for refused in (
        handlers.start(state, values()),
        handlers.stop(state),
        handlers.stop_now(state),
        handlers.resume(state, 9),
        handlers.rename(state, "x"),
        handlers.delete(state, True),
    ):
        assert set(refused.changes()) == {"notice"} and "off on this host" in refused.notice["value"]
    for look in (
        handlers.show_validation(state, 1),
        handlers.refresh(state),
        handlers.choose(state, "one"),
        handlers.compare(state, "one"),
        handlers.set_style(state, "none", "log", "mIoU"),
        handlers.arrive(state),
    ):
        assert "one" not in str(look.runs) and state.run == runs.EXAMPLE
    assert "Training is off on this host" in look.head and "comes with the app" in look.head
    for leave in (handlers.use, handlers.evaluate):
        with pytest.raises(gr.Error, match="off on this host"):
            leave(Visitor(tmp_path))
    for act in (runs.stop, runs.stop_now, runs.delete, lambda run: runs.rename(run, "x")):
        with pytest.raises(AvsegError, match="off on this host"):
            act(runs.run_folder("one"))
    assert [path.name for path in runs.runs_root().iterdir()] == ["one"]


def test_a_public_host_refuses_direct_calls_too(monkeypatch):
    """Whoever calls the endpoints behind the page's back starts nothing and learns nothing."""
    a_run("secret-run")
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    with gr.Blocks() as demo, gr.Tabs() as tabs, gr.Tab("Train") as tab:
        link = LinkParts(gr.HTML(), gr.State())
        train.add(PageContext(demo, gr.HTML(), tabs, gr.HTML(), tab, panel.build(), link))
    _, address, _ = demo.queue().launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    try:
        config = json.loads(_get(f"{address}config"))
        assert "secret-run" not in json.dumps(config)
        by_id = {part["id"]: part for part in config["components"]}
        called = set()
        for event in config["dependencies"]:
            name = event["api_name"]
            if not name or not event["backend_fn"] or name.startswith(("train_preview", "train_arrive")):
                continue
            data = [_value(by_id[part]) for part in event["inputs"]]
            reply = _call(address, name, data)
            assert "secret-run" not in reply, name
            called |= {name} if "off on this host" in reply else set()
        refused = "start stop stop_now resume rename delete use evaluate"
        assert called >= {f"train_{name}" for name in refused.split()}
        assert [path.name for path in runs.runs_root().iterdir()] == ["secret-run"]
    finally:
        demo.close()


def _value(part: dict) -> object:
    if part["props"].get("elem_id") == "tr-new-name":
        return "stolen"
    return True if part["props"].get("elem_id") == "tr-confirm" else part["props"].get("value")


def _call(address: str, name: str, data: list) -> str:
    body, kind = json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    try:
        event = json.loads(_get(urllib.request.Request(f"{address}gradio_api/call/{name}", body, kind)))
        return _get(f"{address}gradio_api/call/{name}/{event['event_id']}")
    except urllib.error.HTTPError as error:  # not callable at all
        return str(error)


def _get(request: object) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as reply:
        return reply.read().decode()
