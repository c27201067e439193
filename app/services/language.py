"""The languages of the page: which one a visitor reads, and what its sentences are in it.

The app is written in English. `app/texts/LANGUAGE.toml` holds each English text of the page beside its
translation, and what leaves for the browser is translated on the way (app/components/translation.py): also
the sentences of `avseg`, and what all visitors share. So no handler knows about languages, a result that is
computed once serves all of them, and a text without a translation is English.

A text may have placeholders: `{n}`, one letter, is a number; `{name_}`, ending in `_`, is one word; `{clip}`
is any text of a sentence, which is translated itself.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from html import escape, unescape
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "texts"
ENGLISH = "en"
_FILES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))
}
LANGUAGES = {ENGLISH: "English"} | {code: texts["language"]["name"] for code, texts in _FILES.items()}
"""The languages of the page by code, named in themselves."""

PARAMETER = "lang"  # of the page's address
COOKIE = "avseg-lang"
LONGEST = 2000  # characters of a text that is looked up
SCRIPT = "script"  # the section of what the browser's code says

CURRENT: ContextVar[str] = ContextVar("language", default=ENGLISH)
"""The language of the visitor who is answered."""

# Nothing in these elements is translated; neither is what has translate="no".
VERBATIM = ("code", "pre", "kbd", "samp", "sub", "sup", "style", "script")
ATTRIBUTES = ("aria-label", "title", "placeholder", "alt", "data-confirm")
_TAG = re.compile(r"(<!--.*?-->|<[^>]*>)", re.DOTALL)
_ATTRIBUTE = re.compile(rf'(\s(?:{"|".join(ATTRIBUTES)})=")([^"]*)(")')
_BLOCK = re.compile(r"(\n\s*\n(?:- )?|\n- |^- )")  # of Markdown
_NAME = re.compile(r"<(/?)([a-zA-Z][\w-]*)")
_SENTENCE_END = re.compile(r"(?<=[.!?…]) +(?=[A-Z0-9])")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_LETTERS = re.compile(r"[A-Za-z]")
_NUMBER = r"[-−+]?\d[\d.,]*"
_WORD = r"\S+"
_PHRASE = r"(?:(?![.!?] [A-Z]).)+?(?<![.])"  # of one sentence, without its full stop


class Catalogue:
    """The texts of one language. sections: English to translated, by part of the page.

    The texts of [parts.what] are known only in the place of a placeholder {what} (or {what2}).
    """

    def __init__(self, sections: Mapping[str, Mapping[str, Any]], whole: "Catalogue | None" = None):
        self.sections, self.whole = sections, whole
        self.parts = {
            name: Catalogue({name: texts}, self) for name, texts in sections.get("parts", {}).items()
        }
        about = sections.get("language", {})
        self.space, self.list = about.get("space", " "), about.get("list", ", ")
        self.marks = {mark: about.get(mark, mark) for mark in (": ", ", ", " and ", ". ")}
        texts = [part for name, part in sections.items() if name not in ("language", "parts")]
        pairs = [pair for part in texts for pair in part.items()]
        self.texts = {" ".join(text.split()): other for text, other in pairs}
        patterns = [text for text in self.texts if _PLACEHOLDER.search(text)]
        patterns.sort(key=lambda text: -len(_PLACEHOLDER.sub("", text)))  # the most specific first
        self.patterns = [(_PLACEHOLDER.split(text)[::2], text) for text in patterns]
        self.find = lru_cache(maxsize=8192)(self._find)

    def translate(self, text: str) -> str:
        """Return a text translated, or as it is; white space around it stays."""
        if len(text) > LONGEST or not _LETTERS.search(text):
            return text
        words = text.strip()
        found = self.find(" ".join(words.split()))
        return text if found is None else text.replace(words, found) if words != text else found

    def _find(self, text: str) -> str | None:
        if text in self.texts:
            return self.texts[text]
        for pieces, pattern in self.patterns:
            likely = all(piece in text for piece in pieces)  # most are not, and cost no regular expression
            if likely and (match := _pattern(pattern).fullmatch(text)):
                parts = {name: self._part(name, part) for name, part in match.groupdict().items()}
                return self.texts[pattern].format_map(parts)
        sentences = _SENTENCE_END.split(text)
        if len(sentences) == 1:
            return self._clauses(text) or (self.whole.find(text) if self.whole else None)
        found = [self.find(sentence) for sentence in sentences]
        if all(sentence is None for sentence in found):
            return None
        gap = " " if None in found else self.space
        return gap.join(other or sentence for sentence, other in zip(sentences, found, strict=True))

    def _clauses(self, text: str) -> str | None:
        """Return a sentence or a list whose parts, between commas, all have a translation."""
        word = text[:1].isupper() and not text[1:2].isupper()  # and no abbreviation
        if word and (whole := self.find(text[0].lower() + text[1:])):
            return whole
        end = text[-1:] if text[-1:] in ".:" else ""
        bare = text.removesuffix(end)
        ending = self.marks[f"{end} "].strip() if end else ""
        for mark, other in self.marks.items():
            parts = bare.split(mark)
            if not end and len(parts) == 1:
                continue
            found = [self.find(part) if _LETTERS.search(part) else part for part in parts]
            known = [part for part in found if part is not None]
            if len(known) == len(found):
                return other.join(known) + ending
        return None

    def _part(self, name: str, text: str) -> str:
        if not _LETTERS.search(text):
            return text.replace(", ", self.list)
        return self.parts.get(name.rstrip("0123456789"), self).translate(text)

    def translate_html(self, html: str) -> str:
        """Return HTML with its texts, and the attributes that are read out or shown, translated."""
        parts, closing = _TAG.split(html), ""
        for index, part in enumerate(parts):
            if index % 2 == 0:
                if not closing and _LETTERS.search(part):
                    parts[index] = escape(self.translate(unescape(part)), quote=False)
                continue
            name = _NAME.match(part)
            if closing:
                closing = "" if name and name[1] and name[2] == closing else closing
            elif name and not name[1] and not part.endswith("/>"):
                parts[index] = _ATTRIBUTE.sub(self._attribute, part)
                closing = name[2] if name[2] in VERBATIM or 'translate="no"' in part else ""
        return "".join(parts)

    def translate_markdown(self, text: str) -> str:
        """Return Markdown with its paragraphs and the items of its lists translated."""
        parts = _BLOCK.split(text)
        return "".join(part if index % 2 else self.translate(part) for index, part in enumerate(parts))

    def _attribute(self, match: re.Match[str]) -> str:
        return match[1] + escape(self.translate(unescape(match[2]))) + match[3]


@cache
def _pattern(text: str) -> re.Pattern[str]:
    expression, seen = "", set()
    for index, part in enumerate(_PLACEHOLDER.split(text)):
        if index % 2 == 0:
            expression += re.escape(part)
        elif part in seen:
            expression += f"(?P={part})"
        else:
            kind = _NUMBER if len(part) == 1 else _WORD if part.endswith("_") else _PHRASE
            expression += f"(?P<{part}>{kind})"
            seen.add(part)
    return re.compile(expression)


@cache
def catalogue(language: str) -> Catalogue:
    """Return the texts of a language; English has none, and translates nothing."""
    return Catalogue({} if language == ENGLISH else _FILES[language])


def translate(text: str) -> str:
    """Return a text in the visitor's language."""
    return catalogue(CURRENT.get()).translate(text)


def known_language(name: str) -> str | None:
    """Return the language of the page that a tag of BCP 47 means, None if there is none.

    The tag's first part decides: zh, zh-Hans and zh-TW all get the page's Chinese.
    """
    tag = name.strip().lower()
    exact = (code for code in LANGUAGES if code.lower() == tag)
    near = (code for code in LANGUAGES if code.lower().split("-")[0] == tag.split("-")[0])
    return next(exact, None) or next(near, None)


def choose_language(asked: str = "", cookies: str = "", accepted: str = "") -> str:
    """Return the language for a request: the address's, else the cookie's, else the browser's, else English.

    asked: the value of `lang` in the address; cookies, accepted: the headers Cookie and Accept-Language.
    """
    try:
        cookie = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        cookie = None
    wanted = [asked, cookie.value if cookie else ""]
    weighted = []
    for position, item in enumerate(accepted.split(",")):
        tag, _, weight = item.partition(";")
        share = re.fullmatch(r"\s*q=([01](?:\.\d*)?)\s*", weight)
        weighted.append((-float(share[1]) if share else -1.0, position, tag))
    wanted += [tag for _, _, tag in sorted(weighted)]
    return next((language for tag in wanted if tag and (language := known_language(tag))), ENGLISH)


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Answer in a language for the time of a `with` block."""
    token = CURRENT.set(language)
    try:
        yield
    finally:
        CURRENT.reset(token)
