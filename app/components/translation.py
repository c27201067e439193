"""What leaves for a visitor's browser, in the visitor's language: the page, and the updates of its parts.

Gradio's own `gr.I18n` translates labels and texts that never change, by the browser's language alone, and
takes them for ICU messages, which HTML is not. This page is mostly sentences that the server makes, so they
are translated as they leave (app/services/language.py). Values that are data, such as what a visitor typed, a
file or the value of a choice, stay as they are.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.services.language import (
    CURRENT,
    ENGLISH,
    LANGUAGES,
    PARAMETER,
    SCRIPT,
    Catalogue,
    catalogue,
    choose_language,
    in_language,
)

TEXTS = ("label", "info", "placeholder")  # properties of any component that are shown as text
# Runs before the page's parts. Gradio's own words follow the browser's language, until they are told.
HEAD = """<script>
window.avsegLanguage = {language};
window.avsegTexts = {texts};
window.avsegText = (text, values = {{}}) =>
  (window.avsegTexts[text] ?? text).replace(/\\{{(\\w+)\\}}/g, (hole, name) => values[name] ?? hole);
document.documentElement.lang = window.avsegLanguage;
if (!navigator.language.startsWith(window.avsegLanguage.split("-")[0])) {{
  const loaded = performance.getEntriesByType("resource").map(({{ name }}) => name);
  const core = loaded.find((name) => /\\/core-[^/]+\\.js$/.test(name));
  if (core) import(core).then(({{ changeLocale }}) => changeLocale?.(window.avsegLanguage), () => {{}});
}}
</script>"""


class LanguageOfRequest:
    """ASGI middleware that answers each request in its language."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = parse_qs(scope["query_string"].decode("latin-1")).get(PARAMETER, [""])[0]
        headers = Headers(scope=scope)
        accepted = headers.get("accept-language", "")
        with in_language(choose_language(asked, headers.get("cookie", ""), accepted)):
            await self.app(scope, receive, send)


def language_of(request: Any) -> str:
    """Return the language of the request of an event, a `gr.Request` or, of a batch, the first of several."""
    request = request[0] if isinstance(request, list) and request else request
    try:
        headers, asked = request.headers, request.query_params.get(PARAMETER, "")
    except AttributeError:  # a call from Python
        return CURRENT.get()
    return choose_language(asked or "", headers.get("cookie") or "", headers.get("accept-language") or "")


def translated_config(config: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return what Gradio tells the browser of the page, in a language."""
    texts = catalogue(language)
    components = [
        {**component, "props": translated_props(component["type"], component["props"], texts)}
        for component in config["components"]
    ]
    script = texts.sections.get(SCRIPT, {})
    head = HEAD.format(language=json.dumps(language), texts=_script(script))
    return {**config, "components": components, "head": head + (config.get("head") or "")}


def translated_update(block: Any, output: Any) -> Any:
    """Return what an event does to a component, in the visitor's language."""
    texts = catalogue(CURRENT.get())
    if not texts.texts:
        return output
    kind = block.get_block_name()
    if isinstance(output, dict) and output.get("__type__") == "update":
        return translated_props(kind, output, texts)
    return translated_props(kind, {"value": output}, texts)["value"]


def translated_props(kind: str, props: Mapping[str, Any], texts: Catalogue) -> dict[str, Any]:
    """Return properties of a component of a kind, as Gradio names it, with their texts translated."""
    changed = {name: texts.translate(text) for name in TEXTS if isinstance(text := props.get(name), str)}
    if isinstance(choices := props.get("choices"), list):
        changed["choices"] = [[texts.translate(str(name)), *value] for name, *value in choices]
    value = props.get("value")
    if kind == "html" and isinstance(value, str):
        changed["value"] = texts.translate_html(value)
    elif kind == "markdown" and isinstance(value, str):
        changed["value"] = texts.translate_markdown(value)
    elif kind in ("button", "uploadbutton") and isinstance(value, str):
        changed["value"] = texts.translate(value)
    elif kind == "html" and isinstance(value, dict) and "about" in value:
        changed["value"] = {**value, "about": _player(value["about"], texts)}
    return {**props, **changed}


def _player(about: dict[str, Any], texts: Catalogue) -> dict[str, Any]:
    """Return what a player says of a clip (app.components.player.player.PlayerValue) translated."""

    def named(items: Any, *names: str) -> list[dict[str, Any]]:
        return [
            item | {name: texts.translate(item[name]) for name in names if name in item} for item in items
        ]

    about = about | {"title": texts.translate(about.get("title", ""))}
    about |= {
        "classes": named(about.get("classes", ()), "name"),
        "lanes": named(about.get("lanes", ()), "name"),
    }
    if "sounds" in about:
        about["sounds"] = [
            sound | {"lanes": named(sound.get("lanes", ()), "name")}
            for sound in named(about["sounds"], "label", "finding")
        ]
    return about


def html_by_language(html: str) -> str:
    """Return an expression of JavaScript: HTML of a part that draws itself, in the language of the page."""
    return _script({name: catalogue(name).translate_html(html) for name in LANGUAGES}) + "[avsegLanguage]"


def _script(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def translated_error(error: gr.Error) -> gr.Error:
    """Return an error whose message is in the visitor's language."""
    if CURRENT.get() != ENGLISH:
        error.message = catalogue(CURRENT.get()).translate(str(error.message))
    return error
