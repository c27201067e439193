"""The page in a Chinese browser, and the switch between the languages."""

from collections.abc import Iterator

import pytest

WAIT = 120_000  # milliseconds; a model may have to be loaded on a busy machine
QUICK = 60_000
TABS = ["分割", "模型内部", "假设实验", "浏览数据", "评估", "训练", "学习"]


@pytest.fixture
def chinese(app_server: str, browser) -> Iterator:
    """A page in a browser whose language is Chinese."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(QUICK)
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(app_server)
    page.wait_for_selector("#go")
    yield page
    context.close()
    assert not broken


def language(page) -> str:
    return page.evaluate("document.documentElement.lang")


def tabs(page) -> list[str]:
    return [
        text.strip() for text in page.locator("#views > .tab-wrapper [role=tab]:visible").all_inner_texts()
    ]


def test_a_chinese_browser_gets_the_page_its_finding_and_its_player_in_chinese(chinese):
    page = chinese
    assert language(page) == "zh-CN" and tabs(page) == TABS
    assert page.inner_text("#finding h1") == "哪些像素在发声？"
    assert page.inner_text("#player .pl-sounds [data-sound='1']") == "静音"
    page.click("#player .pl-sounds [data-sound='1']")
    page.wait_for_selector("#player .pl-sounds p:text('静音时，没有标出任何物体。')")
    page.locator("#clips label", has=page.locator("input[value='dog-and-guitar']")).click()
    page.wait_for_selector("#context :text('狗与吉他')")
    page.wait_for_selector("#go:has-text('分割 5 帧')")
    page.click("#go")
    page.wait_for_selector("#finding h1:has-text('狗恰好只在它发声的')", timeout=WAIT)
    assert page.inner_text("#finding .caption").startswith("狗与吉他（640 × 360 像素，5.0 秒，有声音）。")
    page.wait_for_selector("#player .pl-head h2:text-matches('第 . 帧')")
    for width, height in ((1280, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_switch_stays_over_a_reload_and_the_next_visit_and_in_the_link(chinese, app_server):
    page = chinese
    page.click("#toolbar [data-language=en]")
    page.wait_for_selector("#views [role=tab]:text-is('Segment')")
    assert language(page) == "en" and "lang=en" in page.url
    assert page.locator("#toolbar [data-language]:visible").all_inner_texts() == ["中文"]
    page.wait_for_selector("#upload [aria-label^='Click to upload']")  # Gradio's own words follow
    page.reload()
    page.wait_for_selector("#views [role=tab]:text-is('Segment')")
    page.goto(app_server)
    page.wait_for_selector("#views [role=tab]:text-is('Segment')")
    page.goto(f"{app_server}?tab=learn&step=mixer&lang=zh-CN")
    page.wait_for_selector("#learn-head h1:has-text('音频放大和抑制特征通道')", timeout=WAIT)
    assert language(page) == "zh-CN"


def test_an_unknown_language_gets_english(app_server, browser):
    page = browser.new_page(locale="fr-FR")
    page.goto(f"{app_server}?lang=xx")
    page.wait_for_selector("#views [role=tab]:text-is('Segment')", timeout=QUICK)
    assert language(page) == "en" and page.inner_text("#go").startswith("Segment 5 frames")
    page.close()
