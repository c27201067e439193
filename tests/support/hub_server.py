"""A stand-in for the Hugging Face Hub on the loopback: enough of its HTTP to push a model and fetch it."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

WRITER = "hf_writer"  # the token that may write, and read what is private or gated


@dataclass
class Repo:
    """A model repository; every commit keeps all files."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    gated: bool = False
    commits: list[dict[str, bytes]] = field(default_factory=list)

    def commit(self) -> str:
        """Keep the files as they are; return the commit's name."""
        self.commits.append(dict(self.files))
        return self.name(len(self.commits) - 1)

    def name(self, index: int) -> str:
        """Return the 40 hex digits of a commit."""
        return hashlib.sha1(f"{id(self)}-{index}".encode()).hexdigest()

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return name and files of a revision, None where there is none."""
        names = {self.name(index): files for index, files in enumerate(self.commits)}
        revision = self.name(len(self.commits) - 1) if revision == "main" else revision
        return (revision, names[revision]) if revision in names else None


@dataclass
class Hub:
    """What the server holds, and what it was asked."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    modes: dict[str, str] = field(default_factory=dict)  # how each pushed file came: regular or lfs


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serve a hub on a free port of the loopback while the block runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.hub.asked.append(f"{self.command} {path}")
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            self._about(found[1], found[2] or "revision", unquote(found[3] or "main"), bool(query))
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], unquote(found[2]), unquote(found[3]))
        else:
            self._refuse(404, "EntryNotFound")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self.hub.lfs[self.path.rsplit("/", 1)[-1]] = self._body()
        self._say({})

    def do_POST(self) -> None:
        self.hub.asked.append(f"POST {self.path}")
        body = self._body()
        if self.path == "/api/validate-yaml":
            return self._say({"errors": [], "warnings": []})
        if self._token() != WRITER:
            return self._refuse(403 if self._token() else 401, "")
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", self.path):
            return getattr(self, f"_{found[2]}")(found[1], body)
        if self.path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        return self._refuse(404, "EntryNotFound")

    def _about(self, name: str, what: str, revision: str, _recursive: bool) -> None:
        if not (repo := self._allowed(name, for_files=False)):
            return
        if (found := repo.at(revision)) is None:
            return self._refuse(404, "RevisionNotFound")
        commit, files = found
        if what == "tree":
            return self._say(
                [{"type": "file", "path": n, "size": len(d), "oid": _oid(d)} for n, d in files.items()]
            )
        siblings = [{"rfilename": file} for file in files]
        return self._say({"id": name, "sha": commit, "siblings": siblings, "private": repo.private})

    def _file(self, name: str, revision: str, file: str) -> None:
        if not (repo := self._allowed(name)):
            return
        if (found := repo.at(revision)) is None:
            return self._refuse(404, "RevisionNotFound")
        if file not in found[1]:
            return self._refuse(404, "EntryNotFound")
        data = found[1][file]
        self._send(data, {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": found[0]})

    def _allowed(self, name: str, for_files: bool = True) -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self._token() != WRITER):
            self._refuse(401 if not self._token() else 404, "RepoNotFound")
            return None
        if repo.gated and for_files and self._token() != WRITER:
            self._refuse(403, "GatedRepo")
            return None
        return repo

    def _create(self, asked: dict) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repos:
            return self._say({"url": f"{self.hub.url}/{name}"}, 409)
        self.hub.repos[name] = Repo(private=asked.get("visibility") == "private")
        return self._say({"url": f"{self.hub.url}/{name}"})

    def _preupload(self, _name: str, body: bytes) -> None:
        files = [file["path"] for file in json.loads(body)["files"]]
        modes = {file: "lfs" if file.endswith(".safetensors") else "regular" for file in files}
        self.hub.modes |= modes
        said = [{"path": file, "uploadMode": mode, "shouldIgnore": False} for file, mode in modes.items()]
        self._say({"files": said})

    def _batch(self, asked: dict) -> None:
        objects = [
            one | {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        self._say({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, body: bytes) -> None:
        repo = self.hub.repos[name]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                data = self.hub.lfs[value["oid"]]
                assert hashlib.sha256(data).hexdigest() == value["oid"]
                repo.files[value["path"]] = data
        oid = repo.commit()
        self._say({"commitUrl": f"{self.hub.url}/{name}/commit/{oid}", "commitOid": oid})

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _refuse(self, status: int, code: str) -> None:
        self._send(b"{}", {"X-Error-Code": code} if code else {}, status)

    def _say(self, value: object, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), {"Content-Type": "application/json"}, status)

    def _send(self, data: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
