"""Which language a visitor gets, and how texts are translated."""

import pytest

from app.services.language import Catalogue, choose_language, in_language, translate


@pytest.mark.parametrize(
    ("asked", "cookies", "accepted", "language"),
    [
        ("", "", "", "en"),
        ("", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "", "en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("", "", "zh;q=0.3,en;q=0.7", "en"),
        ("", "", "zh-TW", "zh-CN"),
        ("", "", "zh-Hans-SG", "zh-CN"),
        ("", "", "fr,de;q=0.5", "en"),
        ("", "", "fr,zh;q=0.5,en;q=0.4", "zh-CN"),
        ("", "x=1; avseg-lang=zh-CN", "en", "zh-CN"),
        ("en", "avseg-lang=zh-CN", "zh-CN", "en"),
        ("zh", "", "en", "zh-CN"),
        ("xx", "", "zh-CN", "zh-CN"),
        ("<script>", "avseg-lang", ";;q=,", "en"),
    ],
)
def test_the_address_decides_then_the_cookie_then_the_browser(asked, cookies, accepted, language):
    assert choose_language(asked, cookies, accepted) == language


@pytest.fixture
def texts() -> Catalogue:
    sections = {
        "language": {
            "name": "Kringel",
            ", ": "; ",
            ". ": "!",
            ": ": " = ",
            " and ": " & ",
            "space": "_",
            "list": "+",
        },
        "some": {
            "Stop": "HALT",
            "a dog": "WUFF",
            "a cat": "MIAU",
            "Frame {n} of {k}": "{k}: {n}",
            "{animal} is marked in frames {list} and {n}.": "{list}+{n} {animal}.",
            "Frame {n} of {k}, of {animal}": "{animal} {n}/{k}",
            "Without {thing}, {n}": "{n} {thing}",
        },
        "parts": {"thing": {"a dog": "HUND", "{thing} or {thing2}": "{thing}|{thing2}"}},
    }
    return Catalogue(sections)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Stop", "HALT"),
        ("  Stop\n", "  HALT\n"),
        ("Frame 3 of 5", "5: 3"),
        ("Frame three of 5", "Frame three of 5"),  # {n} is a number
        ("Frame 3 of 5, of a cat", "MIAU 3/5"),  # the more specific text, whose part is translated
        ("Frame 3 of 5, of x.mp4", "x.mp4 3/5"),
        ("A dog is marked in frames 1, 2 and 4.", "1+2+4 WUFF."),
        ("Stop. Frame 3 of 5", "HALT!_5: 3"),
        ("Go. Frame 3 of 5", "Go. 5: 3"),  # one sentence of two is known
        ("A dog, a cat.", "WUFF; MIAU!"),
        ("A dog, a horse.", "A dog, a horse."),
        ("Stop: a dog, a cat and a dog", "HALT = WUFF; MIAU & WUFF"),
        ("Without a dog or a cat, 3", "3 HUND|MIAU"),  # [parts.thing] first, then the rest
        ("a dog or a cat", "a dog or a cat"),  # not in the place of {thing}
        ("12.5 %", "12.5 %"),
    ],
)
def test_a_text_its_placeholders_its_sentences_and_its_clauses(texts, text, other):
    assert texts.translate(text) == other


def test_html_keeps_its_tags_and_what_is_verbatim(texts):
    html = (
        '<p title="Stop" class="Stop">Stop <b>a dog</b></p><code>Stop</code><pre>a cat</pre>'
        '<i translate="no">Stop</i><button aria-label="Frame 1 of 2" data-value="Stop">Stop</button>'
    )
    assert texts.translate_html(html) == (
        '<p title="HALT" class="Stop">HALT <b>WUFF</b></p><code>Stop</code><pre>a cat</pre>'
        '<i translate="no">Stop</i><button aria-label="2: 1" data-value="Stop">HALT</button>'
    )


def test_what_a_visitor_wrote_stays_escaped():
    texts = Catalogue({"some": {"{name} is not a video": "kein Video: {name}"}})
    escaped = "&lt;b onclick=&quot;x&quot;&gt; is not a video"
    assert texts.translate_html(f"<p>{escaped}</p>") == '<p>kein Video: &lt;b onclick="x"&gt;</p>'
    assert "onclick=&quot;" in texts.translate_html(f'<p title="{escaped}"></p>')


def test_outside_a_request_the_language_is_english():
    assert translate("Stop") == "Stop"
    with in_language("zh-CN"):
        assert translate("Stop") == "停止"
    assert translate("Stop") == "Stop"
