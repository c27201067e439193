"""What reaches the app from outside: which names, routes and sizes it accepts.

Gradio serves more than this page needs (a proxy, a monitoring page, deep links, recordings), answers to any
Host name, and fetches the URL of a "file" for whoever asks. `Gate` checks every request before Gradio sees
it. A route that is not listed here is closed, also when a later Gradio adds it.
"""

import ipaddress
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.host import allowed_hosts, is_space
from app.services.session import RESULTS, private_cache

MIB = 2**20
JSON_LIMIT = 4 * MIB  # bytes of a request that is not an upload; the page's own stay below 0.1 MiB
FORM_OVERHEAD = MIB  # of an upload: the multipart envelope

# The routes of Gradio that the page and the documented HTTP endpoints use.
ROUTES: Final = re.compile(
    r"/(|config/?|login/?|logout|theme\.css|favicon\.ico|robots\.txt|manifest\.json|pwa_icon"
    r"|(static|assets|svelte)/.+"
    r"|gradio_api/(user/?|login_check/?|app_id/?|info/?|openapi\.json|theme\.css|startup-events"
    r"|(call|run|api)/.+|queue/(join|data|status)|cancel|reset/?|heartbeat/.+"
    r"|upload|upload_progress|file=.+))",
    re.DOTALL,
)
TOOLS: Final = re.compile(r"/gradio_api/mcp(/.*)?")  # for agents, where GRADIO_MCP_SERVER turns them on
RELOAD: Final = "/gradio_api/dev/reload"  # of `gradio app.py`
FILE: Final = "/gradio_api/file="
UPLOAD: Final = "/gradio_api/upload"
SCHEME: Final = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]+:/")  # of a URL; a drive of Windows has one letter

OWN_FILES_ONLY = "This server fetches no URLs. Download the file and upload it."
NO_ROUTE = "Not found. The endpoints of this app are listed at /gradio_api/openapi.json."
NO_UPLOADS = "Uploads are not served. Results are, by the paths that a call returned."
TOO_LARGE = "The request is larger than this app accepts."

HUGGING_FACE = "https://huggingface.co"  # shows a Space in a frame
SAFE_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            # Gradio starts its page, and the scripts of its components, from inline code.
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def is_url(path: object) -> bool:
    """Return whether a "path" that a client sent is a URL, which the server would fetch."""
    return isinstance(path, str) and SCHEME.match(path) is not None


class Gate:
    """ASGI middleware around the whole app; it refuses with a sentence as plain text.

    upload_limit: bytes of one upload.
    """

    def __init__(self, app: ASGIApp, upload_limit: int):
        self.app = app
        self.upload_limit = upload_limit
        frames = f"frame-ancestors 'self' {HUGGING_FACE}" if is_space() else "frame-ancestors 'self'"
        self.headers = {
            name: value.replace("frame-ancestors 'self'", frames) for name, value in SAFE_HEADERS.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        headers = Headers(scope=scope)
        if refusal := _wrong_name(headers) or _wrong_route(scope["path"]):
            status, text = refusal
            await PlainTextResponse(text, status)(scope, receive, send_with_headers)
            return
        limit = self.upload_limit + FORM_OVERHEAD if scope["path"] == UPLOAD else JSON_LIMIT
        await _limited(self.app, limit, scope, receive, send_with_headers)


Refusal = tuple[int, str]


def _wrong_name(headers: Headers) -> Refusal | None:
    """Return the refusal of a request to a name that is not ours, or from another site's page.

    A site can give its own name this machine's address (DNS rebinding): its pages would then be of the same
    origin as ours. An address in place of a name cannot be faked so.
    """
    names = allowed_hosts()
    hosts = [_host_of(f"//{headers.get('host', '')}")]
    if forwarded := headers.get("x-forwarded-host"):
        hosts.append(_host_of(f"//{forwarded.split(',')[0].strip()}"))
    if not is_space():  # the platform routes a Space by its name
        for host in hosts:
            if not (_matches(host, names) or _is_address(host)):
                return 403, (
                    f"This server does not answer to the name {host!r}. If it is yours, start the app with "
                    f"AVSEG_HOSTS={host or 'NAME'}."
                )
    origin = headers.get("origin")
    if origin is not None and not (_host_of(origin) in hosts or _matches(_host_of(origin), names)):
        return 403, (
            f"Pages of {origin!r} may not use this server. If the site is yours, start the app with its "
            "name in AVSEG_HOSTS."
        )
    return None


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _matches(host: str, names: tuple[str, ...]) -> bool:
    return bool(host) and any(fnmatchcase(host, name) for name in names)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def offers_tools() -> bool:
    """Return whether the endpoints are offered to agents as tools; the variable is Gradio's."""
    return os.environ.get("GRADIO_MCP_SERVER", "False").lower() == "true"


def _wrong_route(path: str) -> Refusal | None:
    """Return the refusal of a route that the page does not need, and of a file that is not a result."""
    if path == RELOAD and os.environ.get("GRADIO_WATCH_DIRS"):
        return None
    if TOOLS.fullmatch(path) and offers_tools():
        return None
    if not ROUTES.fullmatch(path):
        return 404, NO_ROUTE
    if path.startswith(FILE):
        file = path.removeprefix(FILE)
        # Gradio and proxies may decode once more than we see.
        if is_url(file) or is_url(unquote(file)):
            return 403, OWN_FILES_ONLY
        cache = private_cache()
        try:
            served = Path(file).resolve()
        except (OSError, ValueError, RuntimeError):  # too long, a null byte, a loop of links
            return 403, NO_UPLOADS
        if served.is_relative_to(cache) and not served.is_relative_to(cache / RESULTS):
            return 403, NO_UPLOADS
    return None


async def _limited(app: ASGIApp, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the app, and answer 413 as soon as a request has sent more than `limit` bytes."""
    received, started = 0, False

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return message if received <= limit else {"type": "http.disconnect"}

    async def unless_too_large(message: Message) -> None:
        nonlocal started
        if started or received <= limit:
            started = True
            await send(message)

    too_large = PlainTextResponse(f"{TOO_LARGE} Limit: {limit // MIB} MiB.", 413)
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        await too_large(scope, receive, send)
        return
    try:
        await app(scope, counted, unless_too_large)
    except ClientDisconnect:
        if received <= limit:
            raise
    if received > limit and not started:
        await too_large(scope, receive, send)
