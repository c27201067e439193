"""The page in its languages: every text of it has a translation, and every translation a text."""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import gradio as gr
import pytest

from app.components.render import macro
from app.components.translation import TEXTS, language_of, translated_config, translated_update
from app.page import build
from app.services.language import ENGLISH, FOLDER, LANGUAGES, Catalogue, catalogue, in_language
from avseg.data.labels import CLASSES

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
HOLE = re.compile(r"\{(\w+)\}")
WORD = re.compile(r"[A-Za-z]{2}")
WORDS = re.compile(r"[\w'’-]+")

# Texts that are the same in every language: names of models, methods, tasks, splits and files, values of
# settings as the command line has them, paths and addresses.
CLASS = "|".join(CLASSES)
SAME = re.compile(
    r"AVSeg Explorer|English|S4|MS3|AVSS|IoU|mIoU|F|train|val|test|real|cuda"
    r"|(tiny|small|ablation|classroom|s4|ms3|avss)[\w-]*"  # models and presets
    r"|bf16|fp16|no|dice|cross(_entropy)?|intermediate|mixing|matching|avsegformer|tpavi|channel|gated"
    r"|attention|query|vggish[\w-]*|torch|released|miou|benchmark|constant|one-cycle|none|auto"
    r"|prediction\.json|/\S+|https://\S+|[\w.-]+/[\w.-]+"  # files, folders, addresses
    r"|i?[A-Z0-9]+[A-Za-z]*[A-Z0-9][\w-]*|Swin-T"  # methods and networks
    rf"|({CLASS})( ({CLASS}))+"  # as a report lists them
)


def spoken(texts: Catalogue, html: str) -> list[str]:
    """Return the texts of HTML that a catalogue would translate."""
    found: list[str] = []

    class Listening(Catalogue):
        def translate(self, text: str) -> str:
            found.append(" ".join(text.split()))
            return text

    Listening({}).translate_html(html)
    return found


def visible(config: dict) -> Iterator[tuple[str, str]]:
    """Yield where a text is, and the text, for all that the page says when it opens."""
    texts = Catalogue({})
    hidden = endpoint_components(config)
    for component in config["components"]:
        props, kind = component["props"], component["type"]
        place = f"{kind} {props.get('elem_id') or ''}".strip()
        if component["id"] in hidden:
            continue
        yield from ((place, props[name]) for name in TEXTS if isinstance(props.get(name), str))
        yield from ((place, str(name)) for name, *_ in props.get("choices") or ())
        value = props.get("value")
        if kind == "html" and isinstance(value, str):
            yield from ((place, text) for text in spoken(texts, value))
        elif kind == "markdown" and isinstance(value, str):
            yield from ((place, part) for part in re.split(r"\n\s*\n(?:- )?|\n- |^- ", value.strip()))
        elif kind in ("button", "uploadbutton") and isinstance(value, str):
            yield place, value


def endpoint_components(config: dict) -> set[int]:
    """Return the components that only calls of other programs use; nobody sees them."""
    public = [d for d in config["dependencies"] if d["api_visibility"] == "public"]
    return {number for dependency in public for number in (*dependency["inputs"], *dependency["outputs"])}


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return build()


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_page_has_a_translation(page, language):
    texts, missing = catalogue(language), {}
    for place, text in visible(page.config):
        words = " ".join(unescape(text).split())
        known = texts.find(words) is not None or not WORD.search(words) or words.startswith("$$")
        if not (known or SAME.fullmatch(words)):
            missing[words] = place
    assert not missing, "Translate in app/texts:\n" + "\n".join(f"{p}: {t!r}" for t, p in missing.items())


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_placeholders_of_its_text_and_no_text_has_two(language):
    sections = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    parts = sections.pop("parts", {})
    script, _ = sections.pop("script"), sections.pop("language")
    seen: dict[str, str] = {}
    for section in (*sections.values(), *parts.values()):
        for text, other in section.items():
            words = " ".join(text.split())
            assert set(HOLE.findall(text)) == set(HOLE.findall(other)), text
            assert other.strip(), text
            assert words not in seen, f"two translations of {text!r}"
            seen[words] = other
    assert all(set(HOLE.findall(text)) == set(HOLE.findall(other)) for text, other in script.items())


def source_pairs(root: Path) -> set[tuple[str, str]]:
    """Return the neighbouring words of all texts: of the code, templates, tables and clips."""
    parts: list[str] = []
    for path in (*root.glob("app/**/*.py"), *root.glob("avseg/**/*.py")):
        parts.append(re.sub(r'"\s*f?"', "", path.read_text(encoding="utf-8")))  # of one text on several lines
    for kind in ("html", "js", "css", "toml"):
        files = [*root.glob(f"app/**/*.{kind}"), *root.glob(f"avseg/**/*.{kind}")]
        parts += [path.read_text(encoding="utf-8") for path in files if path.parent != FOLDER]
    for path in (*root.glob("assets/clips/*.json"), root / "assets/opening/opening.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        parts += [record.get("title", ""), record.get("shows", "")]
        parts += [
            sound[name]
            for sound in record.get("player", {}).get("sounds", ())
            for name in ("label", "finding")
        ]
    return set(itertools.pairwise(re.findall(WORDS, " ".join(map(unescape, parts)))))


@pytest.mark.parametrize("language", OTHERS)
def test_every_translated_text_is_still_in_the_code(language, root):
    known = source_pairs(root)
    stale = []
    for text in catalogue(language).texts:
        pieces = HOLE.split(text)[::2]
        pairs = [pair for piece in pieces for pair in itertools.pairwise(re.findall(WORDS, piece))]
        # The code puts some texts together, the shorter ones most of all.
        if len(pairs) > 4 and sum(pair in known for pair in pairs) < len(pairs) / 3:
            stale.append(text)
    assert not stale, "No longer in the code:\n" + "\n".join(stale)


def test_the_config_of_a_language_changes_what_is_read_and_nothing_else(page):
    english, chinese = (translated_config(page.config, language) for language in (ENGLISH, "zh-CN"))
    assert [c["props"].get("label") for c in english["components"]] == [
        c["props"].get("label") for c in page.config["components"]
    ]
    pairs = list(zip(english["components"], chinese["components"], strict=True))
    for one, other in pairs:
        for name in ("elem_id", "elem_classes", "visible", "js_on_load", "file_types"):
            assert one["props"].get(name) == other["props"].get(name)
        if one["type"] in ("radio", "dropdown", "textbox", "number", "checkbox"):
            assert one["props"].get("value") == other["props"].get("value")
        if one["type"] in ("radio", "dropdown"):
            assert [v for _, v in one["props"]["choices"]] == [v for _, v in other["props"]["choices"]]
    assert english["dependencies"] == chinese["dependencies"]
    tabs = [c["props"]["label"] for _, c in pairs if c["type"] == "tabitem"]
    assert tabs == ["分割", "模型内部", "假设实验", "浏览数据", "评估", "训练", "学习"]
    assert '"zh-CN"' in chinese["head"] and '"en"' in english["head"]


def test_updates_are_translated_where_they_are_read():
    with in_language("zh-CN"):
        button, box, html = gr.Button(render=False), gr.Textbox(render=False), gr.HTML(render=False)
        assert translated_update(button, "Segment 5 frames") == "分割 5 帧"
        assert translated_update(box, "Stop") == "Stop"  # a visitor may have typed it
        assert translated_update(html, "<p>Stop</p>") == "<p>停止</p>"
        update = {
            "__type__": "update",
            "value": "Stop",
            "label": "Clip",
            "choices": [["Dog and guitar", "x"]],
        }
        assert translated_update(gr.Dropdown(render=False), update) == {
            **update,
            "label": "片段",
            "choices": [["狗与吉他", "x"]],
        }
    assert translated_update(button, "Stop") == "Stop"


def test_a_call_without_a_page_is_answered_in_english():
    class Request:
        headers, query_params = {"accept-language": "zh-CN"}, {}

    assert language_of(None) == ENGLISH and language_of(Request()) == "zh-CN" == language_of([Request()])


def test_what_a_visitor_named_keeps_its_name():
    chinese = catalogue("zh-CN")
    assert ">Dog</button>" in chinese.translate_html(macro("action", "view_open", "Dog", "Dog", own=True))
    assert ">Dog</button>" not in chinese.translate_html(macro("action", "label", "dog", "Dog"))
