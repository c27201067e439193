"""Many visitors at once on this machine: python -m tests.crowd --visitors 50 --seconds 180 --memory 400MB

Every visitor uploads or picks a clip, segments it, inspects a frame, changes the sound and clicks in the
sidebar, again and again. Checked are: nobody is refused; whoever waits is told the place; calls are served in
the order of arrival; masks equal those of a visitor alone, pixel by pixel; a click that needs no model is
answered within a second (95 of 100); memory grows by no more than the budget. Prints a table; exits 1 when a
check fails. Only the loopback is used, and everything ends after the given time plus the calls under way.
"""

import argparse
import asyncio
import io
import json
import sys
import tempfile
import time
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

from tests.support.media import counting
from tests.support.serving import ROOT, running_app

CLIPS = ("dog-and-guitar", "street-siren", "stage-duo")
MODELS = ("tiny-ms3", "small-real")
VIEWS = ("mixer", "queries", "mask")
LIMIT = 900  # seconds that one call may take
LIGHT_LIMIT = 1.0  # seconds


@dataclass
class Call:
    """One call through the queue."""

    kind: str
    joined: float  # when the call was sent
    accepted: float = 0.0  # when the server had answered that it waits
    started: float = 0.0
    ended: float = 0.0
    places: list[int] = field(default_factory=list)


@dataclass
class Crowd:
    """What all visitors saw."""

    calls: list[Call] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)  # seconds
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # masks that are not those of a visitor alone


class Visit:
    """One visitor's page, as the protocol sees it."""

    def __init__(self, http: httpx.AsyncClient, endpoints: dict[str, int], crowd: Crowd):
        self.http, self.endpoints, self.crowd = http, endpoints, crowd
        self.session = uuid.uuid4().hex[:12]

    async def call(self, kind: str, *data: object) -> list:
        """Call an endpoint through the queue; returns its answer, empty when it was refused or failed."""
        body = {"data": data, "fn_index": self.endpoints[kind], "session_hash": self.session}
        call = Call(kind, time.monotonic())
        joined = await self.http.post("gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            self.crowd.refused.append(f"{kind}: {joined.status_code} {joined.text[:120]}")
            return []
        call.accepted = time.monotonic()
        self.crowd.calls.append(call)
        stream = self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session})
        async with stream as lines:
            async for line in lines.aiter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "estimation":
                    call.places.append(message["rank"])
                elif message.get("msg") == "process_starts":
                    call.started = time.monotonic()
                elif message.get("msg") == "process_completed":
                    call.ended = time.monotonic()
                    if message["success"]:
                        return message["output"]["data"]
                    self.crowd.refused.append(f"{kind}: {message['output']}")
                    return []
        self.crowd.refused.append(f"{kind}: the answer ended early")
        return []

    async def click(self, clip: str) -> None:
        """Select a clip in the sidebar, which needs no model."""
        body = {"data": [clip, MODELS[0], 1], "fn_index": self.endpoints["choose_clip"]}
        began = time.monotonic()
        answer = await self.http.post("gradio_api/run/predict", json=body | {"session_hash": self.session})
        self.crowd.clicks.append(time.monotonic() - began)
        if answer.status_code != 200:
            self.crowd.refused.append(f"click: {answer.status_code} {answer.text[:120]}")

    async def upload(self, path: Path) -> dict:
        """Upload a file; returns what endpoints take."""
        answer = await self.http.post("gradio_api/upload", files={"files": (path.name, path.read_bytes())})
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}

    async def masks(self, source: str | Path, model: str) -> np.ndarray | None:
        """Segment a clip; returns its masks uint8 [T, H, W]."""
        own = await self.upload(source) if isinstance(source, Path) else None
        data = await self.call("segment", None if own else source, own, model, 1, 0, 3, 0.5, False, "auto")
        if not data:
            return None
        packed = await self.http.get(httpx.URL(data[3]["url"]).raw_path.decode())
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".png"))
            return np.stack([np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names])


async def visit(visit: Visit, number: int, sources: list, alone: dict, end: float) -> None:
    """Be a visitor until `end`."""
    turn = number
    while time.monotonic() < end:
        source, model = sources[turn % len(sources)], MODELS[turn // len(sources) % len(MODELS)]
        await visit.click(CLIPS[turn % len(CLIPS)])
        masks = await visit.masks(source, model)
        if masks is not None and not np.array_equal(masks, alone[source, model]):
            visit.crowd.wrong.append(f"visitor {number}: {source} by {model}")
        await visit.click(CLIPS[(turn + 1) % len(CLIPS)])
        if time.monotonic() < end:
            clip = CLIPS[turn % len(CLIPS)]
            await visit.call("inspect", clip, None, model, 1, VIEWS[turn % len(VIEWS)], 1)
        if time.monotonic() < end:
            await visit.call("what_if", ["mute"], CLIPS[turn % len(CLIPS)], model, 1, "auto")
        turn += 1


def memory(process: psutil.Process) -> int:
    """Return the bytes that the system cannot reclaim: not those of files, such as spilled results."""
    about = process.memory_info()
    return about.rss - about.shared


async def watch(process: psutil.Process, sizes: list[int]) -> None:
    """Note the app's memory every second."""
    while True:
        sizes.append(memory(process))
        await asyncio.sleep(1)


async def run(url: str, visitors: int, seconds: float, folder: Path) -> tuple[Crowd, list[int]]:
    """Let the crowd in; returns what it saw, and the app's memory: at first, then every second."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=LIMIT, limits=limits, trust_env=False) as http:
        config = (await http.get("config")).json()
        endpoints = {fn["api_name"]: fn["id"] for fn in config["dependencies"] if fn["api_name"]}
        uploads = [
            counting(folder / f"own {n}.mp4", seconds=3, rate=10, size=(120 + 40 * n, 160)) for n in range(2)
        ]
        sources = [*CLIPS, *uploads]
        first = Visit(http, endpoints, Crowd())
        alone = {(source, model): await first.masks(source, model) for source in sources for model in MODELS}
        for clip in CLIPS:
            await first.call("inspect", clip, None, MODELS[0], 1, VIEWS[0], 1)
            await first.call("what_if", ["mute"], clip, MODELS[0], 1, "auto")
        if first.crowd.refused or len({masks.tobytes() for masks in alone.values()}) < len(sources):
            raise RuntimeError(f"A visitor alone was refused: {first.crowd.refused}")
        process = next(p for p in psutil.Process().children() if "app.py" in p.cmdline())
        crowd, sizes = Crowd(), [memory(process)]
        watching, end = asyncio.create_task(watch(process, sizes)), time.monotonic() + seconds
        visits = [visit(Visit(http, endpoints, crowd), n, sources, alone, end) for n in range(visitors)]
        await asyncio.gather(*visits)
        watching.cancel()
        return crowd, sizes


def out_of_order(calls: list[Call]) -> int:
    """Return how many calls were served after one that was sent only once they had been accepted."""
    served = sorted((call for call in calls if call.started), key=lambda call: call.started)
    latest, count = 0.0, 0
    for call in served:
        count += call.accepted < latest
        latest = max(latest, call.joined)
    return count


def report(crowd: Crowd, sizes: list[int], budget: int) -> bool:
    """Print the table; returns whether every check holds."""
    print(f"{'call':10}{'answers':>9}{'median s':>10}{'longest s':>11}{'furthest place':>16}")
    for kind in ("segment", "inspect", "what_if"):
        calls = [call for call in crowd.calls if call.kind == kind and call.ended]
        took = [call.ended - call.joined for call in calls] or [0.0]
        place = max((max(call.places, default=0) + 1 for call in calls), default=0)
        print(f"{kind:10}{len(calls):9}{np.median(took):10.1f}{max(took):11.1f}{place:16}")
    clicks = np.array(crowd.clicks)
    print(f"{'click':10}{len(clicks):9}{np.median(clicks):10.2f}{clicks.max():11.2f}")
    waited = [call for call in crowd.calls if call.started - call.joined > 1]
    grown = max(sizes) - sizes[0]
    checks = {
        f"{len(crowd.refused)} refused or failed {crowd.refused[:3]}": not crowd.refused,
        f"{len(crowd.wrong)} wrong masks {crowd.wrong[:3]}": not crowd.wrong,
        f"{sum(bool(c.places) for c in waited)} of {len(waited)} told their place": all(
            c.places for c in waited
        ),
        f"{out_of_order(crowd.calls)} out of order": not out_of_order(crowd.calls),
        f"95 of 100 clicks within {np.quantile(clicks, 0.95):.2f} s": np.quantile(clicks, 0.95) < LIGHT_LIMIT,
        f"memory {sizes[0] / 1e6:.0f} MB at first, {max(sizes) / 1e6:.0f} MB at most": grown <= budget,
    }
    for text, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {text}")
    return all(checks.values())


def main() -> int:
    """Run the crowd; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=180, help="after this, no new call begins")
    parser.add_argument("--memory", default="400MB", help="AVSEG_MEMORY of the app")
    parser.add_argument("--log", type=Path, help="where the app's log goes")
    args = parser.parse_args()
    if not (1 <= args.visitors <= 100 and 1 <= args.seconds <= 600):
        parser.error("at most 100 visitors and 600 seconds")
    sys.path.insert(0, str(ROOT))
    from app.services.memory import size_of

    with tempfile.TemporaryDirectory(prefix="avseg-crowd-") as folder:
        settings = {"GRADIO_TEMP_DIR": f"{folder}/cache", "AVSEG_MEMORY": args.memory}
        with running_app(args.log, **settings) as url:
            crowd, sizes = asyncio.run(run(url, args.visitors, args.seconds, Path(folder)))
    return 0 if report(crowd, sizes, size_of(args.memory)) else 1


if __name__ == "__main__":
    sys.exit(main())
