"""The style sheet and the Gradio theme."""

from app.components import theme
from app.services.clips import bundled


def test_the_look_needs_no_network():
    sheet = theme.css()
    assert "http" not in sheet and "@import" not in sheet and sheet.count("data:image/jpeg") == len(bundled())
    assert not theme.theme()._stylesheets and "static/fonts" in "".join(theme.theme()._font_css)
