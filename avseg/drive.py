"""Pages that Google Drive answers in place of a file: a form to confirm, a quota, a request to log in."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import urlencode, urljoin, urlsplit

DOWNLOAD = "https://drive.usercontent.google.com/download"
Kind = Literal["confirm", "quota", "permission", "unknown"]
SIGNS: dict[Kind, tuple[str, ...]] = {
    "quota": ("quota exceeded", "too many users have viewed or downloaded"),
    "permission": ("you need access", "need permission", "request access", "sign in"),
}


@dataclass(frozen=True)
class Page:
    """What a page says."""

    kind: Kind
    sentence: str  # the page's own words, shortened
    confirmed: str = ""  # the address that its form leads to, for kind confirm


def address(file_id: str) -> str:
    """Return the address of a file's content."""
    return f"{DOWNLOAD}?{urlencode({'id': file_id, 'export': 'download', 'confirm': 't'})}"


def is_page(content_type: str, start: bytes) -> bool:
    """Return whether an answer is a web page, by its type or its first bytes."""
    return "html" in content_type.lower() or start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def read_page(html: str, url: str) -> Page:
    """Return what a page says; url: where it was found, after redirects."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = " ".join(" ".join(reader.text).split())
    said = " ".join(" ".join(reader.error or reader.title).split()) or text
    sentence = said[:200].rstrip(". ")
    place = urlsplit(url)
    lower = f"{' '.join(reader.title)} {text}".lower()
    for kind, signs in SIGNS.items():
        if any(sign in lower for sign in signs) or (kind == "permission" and "ServiceLogin" in place.path):
            return Page(kind, sentence)
    if reader.form is not None and (action := urljoin(url, reader.form)) and _trusted(action, url):
        known = dict(pair.split("=", 1) for pair in urlsplit(action).query.split("&") if "=" in pair)
        query = urlencode(known | reader.fields)
        return Page("confirm", sentence, urlsplit(action)._replace(query=query).geturl())
    return Page("unknown", sentence)


def _trusted(action: str, url: str) -> bool:
    """Return whether a form leads back to the same server or to one of Google's, over the same protocol."""
    there, here = urlsplit(action), urlsplit(url)
    own = there.netloc == here.netloc or f".{there.hostname}".endswith(
        (".google.com", ".googleusercontent.com")
    )
    return own and there.scheme == here.scheme


@dataclass
class _Reader(HTMLParser):
    title: list[str] = field(default_factory=list)
    error: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    form: str | None = None
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []  # open elements whose text matters

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attributes}
        if tag == "form" and self.form is None and about.get("id") in ("download-form", "downloadForm"):
            self.form = about.get("action", "")
        if tag == "input" and self.form is not None and about.get("type") == "hidden" and "name" in about:
            self.fields[about["name"]] = about.get("value", "")
        is_error = tag == "p" and "uc-error" in about.get("class", "")
        if is_error or tag in ("title", "script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        where = self.inside[-1] if self.inside else ""
        if where in ("script", "style"):
            return
        (self.title if where == "title" else self.text).append(data)
        if where == "p":
            self.error.append(data)
