"""What the app answers to strangers: names, routes, URLs for files, sizes, and errors as sentences."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
import httpx
import pytest
from gradio import networking, processing_utils, routes
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from app.components.blocks import BAD_ARGUMENTS, NOT_UPLOADED, UNEXPECTED, PageBlocks, names_url
from app.page import build, launch_options
from app.services.clips import FOLDER
from app.services.gate import JSON_LIMIT, NO_UPLOADS, OWN_FILES_ONLY, Gate
from app.services.session import RESULTS, private_cache

URLS = ("http://example.org/a.mp4", "https://example.org/a.mp4", "HTTP://example.org/a.mp4", "ftp://x/y")


def file_of(path: str) -> dict[str, object]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    """The page, ready to answer, with its files in a folder of the test."""
    patch = pytest.MonkeyPatch()
    for name in ("SPACE_ID", "SPACE_HOST", "GRADIO_SERVER_NAME", "AVSEG_HOSTS", "GRADIO_WATCH_DIRS"):
        patch.delenv(name, raising=False)
    patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("cache")))
    with served(build(), launch_options()) as demo:
        yield demo
    patch.undo()


@contextmanager
def served(demo: gr.Blocks, options: dict[str, object]) -> Iterator[gr.Blocks]:
    """Serve a page on a free port of this machine while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"prevent_thread_lock": True, "quiet": True}
    demo.launch(**options, **quiet, server_name="127.0.0.1", server_port=port)
    try:
        yield demo
    finally:
        demo.close(verbose=False)


def client_of(demo: gr.Blocks) -> httpx.Client:
    return httpx.Client(base_url=demo.local_url.rstrip("/"), trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def client(page: gr.Blocks) -> Iterator[httpx.Client]:
    with client_of(page) as client:
        yield client


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server fetched from elsewhere."""
    urls: list[str] = []

    async def fetch(url: str, *_: object, **__: object) -> None:
        urls.append(url)
        raise OSError("no network")

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", fetch)
    monkeypatch.setattr(routes, "secure_url_stream_response", fetch)
    return urls


def call(client: httpx.Client, name: str, data: list[object]) -> dict[str, object]:
    """Call an endpoint as any HTTP client would; the payload of its last event."""
    event = client.post(f"/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    answer = client.get(f"/gradio_api/call/{name}/{event}").text
    return json.loads(answer.strip().rsplit("data: ", 1)[1])


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("route", ["/gradio_api/file=", "/gradio_api/file/", "/gradio_api/proxy="])
def test_no_url_is_fetched_for_a_stranger(client, fetched, route, url):
    for method in (client.get, client.head):
        assert method(route + url).status_code in (403, 404)
    quoted = url.replace("://", "%3A%2F%2F")
    assert client.get(route + quoted).status_code in (403, 404)
    assert client.get(route + quoted.replace("%", "%25")).status_code in (403, 404)
    assert fetched == []


def test_no_endpoint_fetches_the_url_of_a_file(page, client, fetched):
    takes_files = [f for f in page.fns.values() if any(isinstance(c, gr.File | gr.Video) for c in f.inputs)]
    assert {"inspect", "segment"} <= {f.api_name for f in takes_files}
    for number, f in enumerate(takes_files):
        sent = [file_of(URLS[0]) if isinstance(c, gr.File | gr.Video) else None for c in f.inputs]
        body = {"data": sent, "fn_index": f._id, "session_hash": f"s{number}"}
        assert client.post("/gradio_api/queue/join", json=body).status_code == 200
        assert OWN_FILES_ONLY in client.get(f"/gradio_api/queue/data?session_hash=s{number}").text
    assert fetched == []


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_found_at_any_depth(url):
    assert names_url([{"a": [{"path": url}]}]) and names_url({"path": url})
    assert not names_url([{"path": "/tmp/a.mp4"}, {"url": url}, url, None, {"path": 3}])
    assert not names_url({"path": "C:\\clips\\a.mp4"})


def test_names_that_the_page_answers_to(client, monkeypatch):
    def status(host: str, **headers: str) -> int:
        return client.get("/config", headers={"Host": host, **headers}).status_code

    for host in (
        "127.0.0.1:7860",
        "localhost",
        "LOCALHOST:1",
        "[::1]:7860",
        "192.168.1.7:7860",
        "localhost.",
    ):
        assert status(host) == 200, host
    for host in ("evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example"):
        assert status(host) == 403, host
    assert status("localhost", **{"X-Forwarded-Host": "evil.example"}) == 403
    refused = client.get("/", headers={"Host": "evil.example"})
    assert "AVSEG_HOSTS=evil.example" in refused.text and refused.headers["content-type"].startswith(
        "text/plain"
    )
    monkeypatch.setenv("AVSEG_HOSTS", "seg.example.org, *.lab.example")
    assert status("seg.example.org") == status("a.lab.example:80") == 200
    assert status("127.0.0.1", **{"X-Forwarded-Host": "seg.example.org"}) == 200
    assert status("example.org") == 403


def test_pages_of_other_sites_may_not_call_the_app(client, monkeypatch):
    ask = {"Host": "evil.example", "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for host in ("evil.example", "127.0.0.1:7860", "192.168.1.7"):
        answer = client.options("/gradio_api/queue/join", headers=ask | {"Host": host})
        assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers
    body = {"data": [], "fn_index": 0, "session_hash": "x"}
    for origin in ("http://evil.example", "null", "http://8.8.8.8", "http://[bad"):
        assert client.post("/gradio_api/queue/join", json=body, headers={"Origin": origin}).status_code == 403
    assert client.get("/config", headers={"Origin": str(client.base_url)}).status_code == 200
    assert client.get("/config", headers={"Origin": "http://localhost:7860"}).status_code == 200
    monkeypatch.setenv("AVSEG_HOSTS", "lab.example")
    assert client.get("/config", headers={"Origin": "https://lab.example"}).status_code == 200


def test_links_follow_the_protocol_that_a_proxy_names(client, monkeypatch):
    monkeypatch.setenv("AVSEG_HOSTS", "seg.example.org")
    headers = {"Host": "seg.example.org", "X-Forwarded-Proto": "https"}
    assert client.get("/config", headers=headers).json()["root"] == "https://seg.example.org"
    headers |= {"Host": "127.0.0.1:7860", "X-Forwarded-Host": "seg.example.org"}
    assert client.get("/config", headers=headers).json()["root"] == "https://seg.example.org"
    # One that names no protocol gets links without TLS, which browsers block: docs/host.md says what to set.
    del headers["X-Forwarded-Proto"]
    assert client.get("/config", headers=headers).json()["root"] == "http://seg.example.org"


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/dev/reload", "/monitoring", "/monitoring/summary", "/gradio_api/deep_link"),
        *("/gradio_api/runs", "/gradio_api/vibe-code", "/gradio_api/token", "/gradio_api/stream/a/b/1/c.ts"),
        *("/gradio_api/custom_component/1/a/b/c", "/docs", "/redoc", "/openapi.json", "/pwa_icon/99999"),
    ],
)
def test_routes_that_the_page_does_not_need_are_closed(client, path):
    assert client.get(path).status_code == 404


def test_routes_that_the_page_needs_are_open(client):
    for path in ("/", "/config", "/theme.css", "/gradio_api/info", "/gradio_api/app_id", "/robots.txt"):
        assert client.get(path).status_code == 200, path


def test_headers_keep_other_sites_out(client):
    for path in ("/", "/nowhere"):
        headers = client.get(path).headers
        assert "frame-ancestors 'self';" in headers["content-security-policy"] + ";"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


def test_a_space_is_shown_on_hugging_face_and_answers_by_the_name_that_the_platform_routes(monkeypatch):
    async def home(scope, receive, send):
        await PlainTextResponse("home")(scope, receive, send)

    monkeypatch.setenv("SPACE_ID", "somebody/space")
    monkeypatch.setenv("SPACE_HOST", "somebody-space.hf.space")
    client = TestClient(Gate(home, 1), base_url="http://10.0.0.7:7860")
    answer = client.get("/", headers={"Host": "proxy.internal", "Origin": "https://somebody-space.hf.space"})
    assert answer.text == "home"
    assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]
    assert client.get("/", headers={"Origin": "https://evil.example"}).status_code == 403


def test_an_upload_is_not_served_but_a_result_and_a_bundled_clip_are(client):
    sent = client.post("/gradio_api/upload", files={"files": ("a.mp4", b"mine", "video/mp4")}).json()[0]
    answer = client.get(f"/gradio_api/file={sent}")
    assert (answer.status_code, answer.text) == (403, NO_UPLOADS)
    cache = private_cache()
    assert (
        client.get(f"/gradio_api/file={cache}/{RESULTS}/../{sent.removeprefix(str(cache))}").status_code
        == 403
    )
    result = cache / RESULTS / "x" / "overlay.mp4"
    result.parent.mkdir(parents=True)
    result.write_bytes(b"made")
    assert client.get(f"/gradio_api/file={result}").content == b"made"
    assert client.get(f"/gradio_api/file={FOLDER / 'street-siren.mp4'}").status_code == 200
    for hostile in ("/etc/passwd", "a" * 5000, "%00", "../app.py"):
        assert client.get(f"/gradio_api/file={hostile}").status_code == 403


def test_a_request_that_is_too_large_is_refused_before_it_is_read(client):
    big = b'{"data": ["' + b"a" * JSON_LIMIT + b'"]}'
    json_type = {"Content-Type": "application/json"}
    answer = client.post("/gradio_api/call/what_if", content=big, headers=json_type)
    assert answer.status_code == 413 and "4 MiB" in answer.text
    pieces = (big[i : i + 2**16] for i in range(0, len(big), 2**16))  # without a content length
    assert client.post("/gradio_api/call/what_if", content=pieces, headers=json_type).status_code == 413


@pytest.mark.parametrize(
    "name, data, sentence",
    [
        ("inspect", [{"a": 1}, "no file", 3, [], {}, "x"], BAD_ARGUMENTS),
        ("inspect", [None, file_of("/etc/passwd"), None, 1, "mixer", 1], NOT_UPLOADED),
        ("segment", [1], BAD_ARGUMENTS),
    ],
)
def test_a_raw_call_is_answered_with_a_sentence(client, name, data, sentence, capfd):
    assert call(client, name, data)["error"] == sentence
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "name, data",
    [
        ("what_if", [["mute"], "no-such-clip", "tiny-ms3", 1]),
        ("inspect", ["street-siren", None, "tiny-ms3", 1, "nowhere", 1]),
    ],
)
def test_a_refusal_is_not_logged_as_a_failure(client, name, data, capfd):
    assert call(client, name, data)["error"]
    assert "Traceback" not in capfd.readouterr().err


def test_an_unforeseen_error_is_logged_and_not_told(capfd):
    with PageBlocks() as demo:
        gr.api(lambda: 1 / 0, api_name="broken")
    options = {"show_error": False, "ssr_mode": False, "share": False, "inbrowser": False}
    with served(demo, options), client_of(demo) as client:
        assert call(client, "broken", [])["error"] == UNEXPECTED
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_page_that_takes_long_on_a_busy_machine_does_not_end_the_app(monkeypatch):
    monkeypatch.setattr(networking, "url_ok", lambda _url: False)  # Gradio waits three seconds for the page
    with PageBlocks() as demo:
        gr.Textbox("here")
    options = {name: value for name, value in launch_options().items() if name not in ("css", "theme")}
    with served(demo, options) as demo, client_of(demo) as client:
        assert "here" in client.get("/config").text
