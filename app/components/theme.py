"""How the page looks: the Gradio theme and the style sheet, with the colours of avseg/web/tokens.toml."""

import json
import re
import tomllib
from pathlib import Path

import gradio as gr

from app.services.clips import bundled, thumbnail
from app.services.language import LANGUAGES, catalogue
from avseg.player.value import STYLE
from avseg.web.style import CHARTS, token_rules, tokens

APP = Path(__file__).resolve().parents[1]
SHARED = (CHARTS, STYLE)  # with files that need no server
SHEETS = (
    "components/style.css",
    "components/add_model/style.css",
    *(f"{tab}/style.css" for tab in ("segment", "inside", "whatif", "explore", "evaluate", "train", "learn")),
    "evaluate/ablations/style.css",
)
# For what the bundled fonts lack: those of Apple, Windows and Linux.
CHINESE = ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC")
TABLES = tomllib.loads((APP / "components/theme.toml").read_text(encoding="utf-8"))

TOOLBAR_SCRIPT = (APP / "components/toolbar.js").read_text(encoding="utf-8")
LINKS_SCRIPT = (APP / "components/links.js").read_text(encoding="utf-8")
# On a phone the tabs scroll sideways; the selected one comes into view, also when a handler selects it.
TAB_SCRIPT = """() => requestAnimationFrame(() => {
  const bar = document.querySelector('#views > .tab-wrapper'), tab = bar.querySelector('[role=tab].selected');
  const [at, whole] = [tab, bar].map((part) => part.getBoundingClientRect());
  bar.scrollLeft += at.left + at.width / 2 - whole.left - whole.width / 2;
})"""


def theme() -> gr.themes.Base:
    """Return the Gradio theme. Fonts are files of Gradio itself: nothing is fetched from elsewhere.

    Weight 600 of the bundled Plex lacks most letters, so bold is 700.
    """
    plain = gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700))
    mono = gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700))
    colours: dict[str, str] = {}
    for name, token in TABLES["gradio"].items():
        colours[name], colours[f"{name}_dark"] = tokens()[token]
    base = gr.themes.Base(
        font=[plain, "ui-sans-serif", "system-ui", *CHINESE, "sans-serif"],
        font_mono=[mono, "ui-monospace", *CHINESE, "monospace"],
        radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        text_size=gr.themes.sizes.text_sm,
    )
    return base.set(**colours, **TABLES["shape"])


def css() -> str:
    """Return the style sheet: the colours as variables, rules, and the clips' thumbnails."""
    thumbnails = "".join(
        f'#clips label:nth-of-type({number})::before{{background-image:url("{thumbnail(name)}")}}\n'
        for number, name in enumerate(bundled(), start=1)
    )
    first, *others = (APP / name for name in SHEETS)
    sheet = "\n".join(path.read_text(encoding="utf-8") for path in (first, *SHARED, *others))
    return f"{token_rules()}\n{sheet}\n{thumbnails}\n{translated_rules(sheet)}"


def translated_rules(sheet: str) -> str:
    """Return the rules of a sheet whose `content` is words, once more for each language."""
    rules = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    return "\n".join(
        f":lang({language}) {selector}{{content:{json.dumps(other, ensure_ascii=False)}}}"
        for language in LANGUAGES
        for selectors, words in re.findall(r'([^{}]+?)\s*\{[^{}]*content: "([^"]+)"', rules)
        for selector in map(str.strip, selectors.split(","))
        if (other := catalogue(language).find(words)) is not None
    )
