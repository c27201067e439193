"""The pure parts of the player, loaded into a blank page and asked for known answers."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from app.services.clips import bundled
from avseg.media.clip import read_clip
from avseg.player.pack import Parts, write_pack
from avseg.player.value import MODULES, SCRIPTS, script

PURE = ("numbers", "pack", "masks", "timeline")


@pytest.fixture(scope="module")
def page(browser) -> Iterator:
    page = browser.new_page()
    for name in PURE:
        page.add_script_tag(content=(SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))
    yield page
    page.close()


def test_the_script_is_every_module_once_and_short():
    sources = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in MODULES]
    assert {path.stem for path in SCRIPTS.glob("*.js")} == set(MODULES)
    assert all(script().count(source) == 1 for source in sources)
    assert all(len(source.splitlines()) <= 320 for source in sources)
    assert max(len(line) for source in sources for line in source.splitlines()) <= 120


def test_numbers_of_one_class(page):
    """Ten pixels: nine above 0, four above 0.5, none above 0.9; five in the truth, three above 0.5."""
    answers = page.evaluate("""() => {
        const falling = (...steps) => Uint32Array.from(
            { length: LEVELS }, (_, n) => steps[n < 50 ? 0 : n < 90 ? 1 : 2]);
        const marked = falling(9, 4, 0), hits = falling(5, 3, 0);
        const counts = { marked, hits, area: Uint32Array.of(5), labelled: null, pixels: 10, classes: 1 };
        return [
            levelOf(0.5), predictedShare(counts, 0, 0, 50), truthShare(counts, 0, 0), iouOf(counts, 0, 0, 50),
            iouOf(counts, 0, 0, 0), meanProbability(counts, 0, 0, 50), meanProbability(counts, 0, 0, 95),
            truthShare({ ...counts, labelled: [false] }, 0, 0),
            iouOf({ ...counts, labelled: [false] }, 0, 0, 50),
            iouText(null), iouText(NaN), iouText(0.5), predictedShare({}, 0, 0, 50),
            percent(0.0717), seconds(2.939),
        ];
    }""")
    assert answers[:4] == [50, 0.4, 0.5, 0.5]  # 3 of 4 + 5 - 3
    assert answers[4] == pytest.approx(5 / 9) and answers[5] == pytest.approx(0.5 + 0.39 + 0.005)
    assert answers[6:9] == [None, None, None]
    assert answers[9:13] == ["no label", "empty", "0.50", 0]
    assert answers[13:] == ["7.2\u00a0%", "2.94\u00a0s"]


def test_numbers_of_the_second_class_of_the_second_frame(page):
    answers = page.evaluate("""() => {
        const marked = new Uint32Array(2 * 2 * LEVELS), area = Uint32Array.of(1, 2, 3, 4);
        marked[(1 * 2 + 1) * LEVELS + 30] = 6;
        const counts = { marked, hits: marked, area, labelled: [false, true], pixels: 8, classes: 2 };
        return [predictedShare(counts, 1, 1, 30), predictedShare(counts, 1, 1, 31), truthShare(counts, 1, 1)];
    }""")
    assert answers == [0.75, 0, 0.5]


def test_a_pack_is_read_as_it_was_written(page, tmp_path):
    clip = read_clip(bundled()["dog-and-guitar"].path, fps=1, seconds=2)
    truth = [np.pad(np.ones((4, 6), np.uint8), ((0, 4), (0, 2))), None]
    path = tmp_path / "pack"
    parts = write_pack(path, clip, None, truth, (1,))
    assert isinstance(parts, Parts)
    about = {
        "parts": {
            "marked": parts.marked,
            "hits": parts.hits,
            "area": parts.area,
            "truth": parts.truth,
            "probability": [],
            "labels": [],
            "pixels": parts.pixels,
            "classes": parts.classes,
        },
    }
    answers = page.evaluate(
        """async ([content, about]) => {
            const bytes = Uint8Array.from(content).buffer, counts = countsOf(bytes, about);
            const maps = await new Promise(done => {
                const cache = new MapCache(bytes, about.parts, { onLoad: frame => done(cache.get(frame)) });
                cache.get(0);
            });
            const values = readMap(maps.truth, 8, 8, false);
            const shares = [truthShare(counts, 0, 0), truthShare(counts, 1, 0)];
            return [...shares, maps.probability, [...values], counts.marked];
        }""",
        [list(path.read_bytes()), json.loads(json.dumps(about))],
    )
    assert answers[0] == pytest.approx(24 / 64) and answers[1] is None
    assert answers[2] is None and answers[3] == truth[0].ravel().tolist() and answers[4] is None


def test_classes_survive_a_browser_that_falsifies_what_is_read_from_a_canvas(page, tmp_path):
    clip = read_clip(bundled()["dog-and-guitar"].path, fps=1, seconds=1)
    truth = [np.random.default_rng(0).integers(0, 71, (9, 7), np.uint8)]
    path = tmp_path / "pack"
    parts = write_pack(path, clip, None, truth, (1,))
    read, smaller = page.evaluate(
        """async ([content, piece]) => {
            const read = CanvasRenderingContext2D.prototype.getImageData;
            CanvasRenderingContext2D.prototype.getImageData = function (...area) {
                const image = read.apply(this, area);
                image.data.forEach((value, i) => { image.data[i] = value ^ 1; });
                return image;
            };
            const map = await mapOf(Uint8Array.from(content).buffer, piece);
            CanvasRenderingContext2D.prototype.getImageData = read;
            return [[...readMap(map, 7, 9, false)], [...readMap(map, 14, 18, false)]];
        }""",
        [list(path.read_bytes()), list(parts.truth[0])],
    )
    assert read == truth[0].ravel().tolist()
    assert smaller == truth[0].repeat(2, 0).repeat(2, 1).ravel().tolist()


def test_probabilities_are_blended_as_the_library_blends_them(page):
    values = np.random.default_rng(0).integers(0, 256, (6, 8), np.uint8)
    for width, height in ((8, 6), (20, 9), (5, 4)):
        read = page.evaluate(
            "([values, width, height]) => "
            "[...readMap({ values: Uint8Array.from(values), width: 8, height: 6 }, width, height, true)]",
            [values.ravel().tolist(), width, height],
        )
        expected = torch.nn.functional.interpolate(
            torch.from_numpy(values)[None, None].float(), (height, width), mode="bilinear"
        )
        assert np.abs(np.array(read) - expected.numpy().ravel()).max() <= 0.51


def test_decoded_maps_stay_within_the_budget_but_pinned_ones_are_kept(page):
    kept = page.evaluate("""async () => {
        const packed = new Blob([new Uint8Array(64)]).stream().pipeThrough(new CompressionStream("deflate"));
        const bytes = await new Response(packed).arrayBuffer();
        const pieces = Array(5).fill([0, bytes.byteLength, 8, 8]);
        const parts = { probability: pieces, labels: [], truth: [] };
        const cache = new MapCache(bytes, parts, { pinned: [0], budget: 3 * 64 });
        for (let i = 0; i < 5; i++) await cache.decode(i);
        const kept = [...cache.maps.keys()];
        cache.close();
        return [kept, cache.size, cache.maps.size];
    }""")
    assert kept == [[0, 3, 4], 0, 0]


def test_pixels_above_the_threshold_get_their_class(page):
    answers = page.evaluate("""() => {
        const p = Uint8Array.of(0, 100, 127, 128, 255), labels = Uint8Array.of(7, 7, 9, 9, 8);
        const binary = slotsOf([1], new Set()), several = slotsOf([9, 7], new Set());
        const one = slotsOf([9, 7], new Set([7]));
        return [
            maskOf(p, null, binary, 0.5), maskOf(p, null, binary, 0), maskOf(p, labels, several, 0.25),
            maskOf(p, labels, one, 0), truthMaskOf(labels, several),
        ].map(mask => [...mask]);
    }""")
    assert answers == [[0, 0, 0, 1, 1], [0, 1, 1, 1, 1], [0, 2, 1, 1, 0], [0, 0, 1, 1, 0], [2, 2, 1, 1, 0]]


LOOK = """const look = {
    style: "mask", mask: true, truth: true, errors: false, opacity: 0.5, threshold: 0.5,
    slots: slotsOf([1], new Set()), colours: [[200, 100, 0]], hatched: [false], background: WHITE,
};
const width = 9, probability = new Uint8Array(81), truth = new Uint8Array(81);
for (let y = 2; y < 7; y++) for (let x = 2; x < 7; x++) {
    probability[9 * y + x] = 255;
    truth[9 * y + x + 1] = 1;
}
const pixel = (image, x, y) => [...image.data.slice(4 * (9 * y + x), 4 * (9 * y + x) + 4)];
const paint = (truth, changes) =>
    layerOf({ probability, labels: null, truth }, width, { ...look, ...changes }).image;
const painted = changes => paint(null, changes), compared = changes => paint(truth, changes);"""


def test_every_style_paints_what_it_should(page):
    answers = page.evaluate(f"""() => {{ {LOOK}
        const outline = painted({{ style: "outline" }}), cutout = painted({{ style: "cutout" }});
        const striped = painted({{ hatched: [true], opacity: 0.4 }});
        return {{
            middle: pixel(painted(), 4, 4), outside: pixel(painted(), 0, 0), edge: pixel(painted(), 2, 4),
            off: painted({{ mask: false }}).data.some(Boolean),
            outline: [pixel(outline, 4, 4)[3], pixel(outline, 2, 4)[3]],
            cutout: [pixel(cutout, 4, 4)[3], pixel(cutout, 0, 0)],
            heat: pixel(painted({{ style: "heat" }}), 4, 4),
            stripes: [pixel(striped, 4, 4)[3], pixel(striped, 3, 3)[3]],
        }};
    }}""")
    assert answers["middle"] == [200, 100, 0, 128] and answers["outside"] == [0, 0, 0, 0]
    assert answers["edge"] == [200, 100, 0, 255] and answers["off"] is False
    assert answers["outline"] == [0, 255]
    assert answers["cutout"][0] == 0 and answers["cutout"][1] == [255, 255, 255, 239]
    assert answers["heat"] == [252, 253, 191, 230]
    assert answers["stripes"] == [102, 0]


def test_ground_truth_and_errors(page):
    answers = page.evaluate(f"""() => {{ {LOOK}
        const errors = compared({{ errors: true }}), line = compared({{ mask: false }});
        return {{
            hit: pixel(errors, 4, 4), alarm: pixel(errors, 2, 4), miss: pixel(errors, 7, 4),
            none: pixel(errors, 0, 0), line: pixel(line, 7, 4), inside: pixel(line, 5, 4),
            hidden: compared({{ mask: false, truth: false }}).data.some(Boolean),
            alone: pixel(layerOf({{ probability: null, labels: null, truth }}, width, look).image, 5, 4),
        }};
    }}""")
    assert answers["hit"] == [255, 255, 255, 128] and answers["none"] == [0, 0, 0, 0]
    assert answers["alarm"] == [0xD5, 0x5E, 0, 204] and answers["miss"] == [0, 0x72, 0xB2, 204]
    assert answers["line"] == [255, 255, 255, 255] and answers["inside"] == [0, 0, 0, 0]
    assert answers["hidden"] is False and answers["alone"] == [200, 100, 0, 128]


def test_captions_are_above_the_middle_of_their_class(page):
    spots = page.evaluate("""() => {
        const mask = new Uint8Array(100);
        for (let y = 3; y < 6; y++) for (let x = 2; x < 5; x++) mask[10 * y + x] = 2;
        return spotsOf(mask, 10, 2);
    }""")
    assert spots == [{"k": 1, "pixels": 9, "x": 3, "top": 3}]


def test_the_arithmetic_of_the_timeline(page):
    answers = page.evaluate("""() => {
        const clip = { fps: 2, duration: 2.4, times: [0.25, 0.75, 1.25, 1.75] };
        return {
            frames: [-1, 0, 0.49, 0.5, 1.5, 9].map(t => frameAt(t, clip)),
            spans: [0, 3].map(i => spanOf(i, clip)),
            scales: [0, 0.01, 0.011, 0.5, 1].map(scaleOf),
            ticks: [ticksOf(0.4), ticksOf(5), ticksOf(60)],
            ranges: [rangeOf(3.04, 1.26, 5), rangeOf(-1, 9, 5)],
            lane: laneHtml({ name: "<dog>", spans: [[1, 2]], inside: false }, 4),
        };
    }""")
    assert answers["frames"] == [0, 0, 0, 1, 3, 3]
    assert answers["spans"] == [[0, 0.5], [1.5, 2.4]]
    assert answers["scales"] == [0.01, 0.01, 0.02, 0.6, 1]
    assert answers["ticks"] == [[0, 0.1, 0.2, 0.3, 0.4], [0, 1, 2, 3, 4, 5], [0, 10, 20, 30, 40, 50, 60]]
    assert answers["ranges"] == [[1.3, 3], [0, 5]]
    assert "left:25%;width:25%" in answers["lane"] and "&#60;dog&#62;, off screen" in answers["lane"]


def test_a_bar_is_as_high_as_its_shares(page):
    heights = page.evaluate("""() => {
        const canvas = new OffscreenCanvas(40, 100), pen = canvas.getContext("2d");
        const box = { width: 40, height: 100, ratio: 1, top: 0.2, edge: null, ink: "#000000", gap: 0 };
        const shares = [[0.05, "#ff0000"], [0.05, "#0000ff"]];
        drawBar(pen, box, { from: 0.5, to: 1, shares, truth: 0.15, current: true });
        const column = x => {
            const data = pen.getImageData(x, 0, 1, 100).data, rows = { red: 0, blue: 0, black: [] };
            for (let y = 0; y < 100; y++) {
                const [r, , b, a] = data.slice(4 * y, 4 * y + 4);
                if (r && a) rows.red++; else if (b && a) rows.blue++; else if (a) rows.black.push(y);
            }
            return rows;
        };
        return [column(10), column(30)];
    }""")
    assert heights[0] == {"red": 0, "blue": 0, "black": []}
    assert heights[1] == {"red": 25, "blue": 25, "black": [24, 25]}
