"""How the page looks: colour tokens, the Gradio theme made from them, and the style sheet."""

from pathlib import Path

import gradio as gr

from app.services.clips import bundled, thumbnail

APP = Path(__file__).resolve().parents[1]
SHEETS = (
    "components/style.css",
    "components/player/player.css",
    *(f"{tab}/style.css" for tab in ("segment", "inside", "whatif", "explore", "evaluate", "train", "learn")),
)
# Light, dark.
TOKENS: dict[str, tuple[str, str]] = {
    "bg": ("#FAFAF8", "#101114"),
    "panel": ("#FFFFFF", "#17181C"),
    "sunk": ("#F2F2EE", "#1F2126"),
    "line": ("#E5E5DF", "#292B31"),
    "line-2": ("#CDCDC5", "#42454D"),
    "ink": ("#1B1C20", "#ECEDF0"),
    "ink-2": ("#4D4F56", "#B6B9C1"),
    "ink-3": ("#676A72", "#8F939D"),
    "accent": ("#4A43C9", "#A9A5FF"),
    "accent-hi": ("#3B35AE", "#BFBCFF"),
    "on-accent": ("#FFFFFF", "#14132B"),
    "accent-soft": ("#EEEDFA", "#25243F"),
    "warn": ("#7A5200", "#E2B65B"),
    "warn-soft": ("#FBF3DF", "#2C2515"),
    "err": ("#A8261C", "#FF9A8C"),
    "err-soft": ("#FBEAE7", "#351D1A"),
    "ok": ("#0B6B4F", "#5CCBA5"),
}

# Which token each colour of Gradio's theme takes.
GRADIO_COLOURS = {
    "body_background_fill": "bg",
    "body_text_color": "ink",
    "body_text_color_subdued": "ink-3",
    "background_fill_primary": "panel",
    "background_fill_secondary": "sunk",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent",
    "link_text_color_hover": "accent-hi",
    "link_text_color_visited": "accent",
    "link_text_color_active": "accent",
    "block_background_fill": "bg",
    "block_border_color": "line",
    "block_label_background_fill": "panel",
    "block_label_text_color": "ink-2",
    "block_title_text_color": "ink-2",
    "block_info_text_color": "ink-3",
    "panel_background_fill": "panel",
    "input_background_fill": "panel",
    "input_background_fill_focus": "panel",
    "input_background_fill_hover": "panel",
    "input_border_color": "line-2",
    "input_border_color_focus": "accent",
    "input_border_color_hover": "ink-3",
    "input_placeholder_color": "ink-3",
    "loader_color": "accent",
    "slider_color": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-hi",
    "button_primary_border_color": "accent",
    "button_primary_border_color_hover": "accent-hi",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "panel",
    "button_secondary_background_fill_hover": "sunk",
    "button_secondary_border_color": "line-2",
    "button_secondary_border_color_hover": "ink-3",
    "button_secondary_text_color": "ink",
    "button_secondary_text_color_hover": "ink",
    "button_cancel_background_fill": "panel",
    "button_cancel_background_fill_hover": "err-soft",
    "button_cancel_border_color": "line-2",
    "button_cancel_border_color_hover": "err",
    "button_cancel_text_color": "err",
    "button_cancel_text_color_hover": "err",
    "error_background_fill": "err-soft",
    "error_border_color": "err",
    "error_text_color": "err",
    "stat_background_fill": "accent-soft",
}

MARK = (
    '<svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">'
    '<rect width="24" height="24" rx="6" fill="var(--accent)"/><g fill="var(--on-accent)">'
    '<rect x="5" y="9" width="2.2" height="6" rx="1.1"/>'
    '<rect x="8.8" y="6" width="2.2" height="12" rx="1.1"/>'
    '<path d="M13 7.4c3.6-1.6 6.6 1 6.4 4.8-.2 3.6-3.2 5.8-6.4 4.4z"/></g></svg>'
)
BRAND = f"{MARK}<span>AVSeg Explorer</span>"

LIGHT_SWITCH = (
    '<button type="button" class="icon" aria-label="Light or dark" title="Light or dark">'
    '<svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">'
    '<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    '<path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/></svg></button>'
)
# Gradio follows the system; the switch is for this visit, since frames of other sites may not store anything.
LIGHT_SCRIPT = "element.querySelector('button').onclick = () => document.body.classList.toggle('dark');"
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
    colours = {}
    for name, token in GRADIO_COLOURS.items():
        colours[name], colours[f"{name}_dark"] = TOKENS[token]
    base = gr.themes.Base(
        font=[plain, "ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=[mono, "ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_sm,
        text_size=gr.themes.sizes.text_sm,
    )
    return base.set(
        **colours,
        block_border_width="0px",
        block_shadow="none",
        block_radius="6px",
        input_radius="6px",
        input_shadow="none",
        input_shadow_focus="none",
        button_large_radius="6px",
        button_small_radius="6px",
        button_large_text_weight="700",
        button_primary_shadow="none",
        button_secondary_shadow="none",
        button_cancel_shadow="none",
        button_transform_hover="none",
        button_transform_active="none",
    )


def css() -> str:
    """Return the style sheet: the tokens as variables, the rules of SHEETS, the clips' thumbnails."""
    light, dark = ("".join(f"--{name}:{pair[shade]};" for name, pair in TOKENS.items()) for shade in range(2))
    thumbnails = "".join(
        f'#clips label:nth-of-type({number})::before{{background-image:url("{thumbnail(name)}")}}\n'
        for number, name in enumerate(bundled(), start=1)
    )
    sheet = "\n".join((APP / name).read_text(encoding="utf-8") for name in SHEETS)
    return f":root{{{light}}}\n.dark{{{dark}}}\n{sheet}\n{thumbnails}"
