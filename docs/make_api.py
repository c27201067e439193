"""Write docs/api.md from the docstrings: `python docs/make_api.py`. It reads source and imports nothing."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "api.md"
MODULES = (
    *(
        "avseg",
        "avseg.media.clip",
        "avseg.media.audio",
        "avseg.predict",
        "avseg.media.export",
        "avseg.media.draw",
    ),
    *(
        "avseg.checkpoints",
        "avseg.hub",
        "avseg.config",
        "avseg.interpret.sites",
        "avseg.interpret.inspection",
        "avseg.interpret.maps",
    ),
    *(
        "avseg.interventions.run",
        "avseg.interventions.compare",
        "avseg.training.trainer",
        "avseg.training.run_folder",
        "avseg.training.curve",
    ),
    *("avseg.evaluation.evaluate", "avseg.evaluation.report", "avseg.evaluation.replay"),
    *("avseg.training.losses", "avseg.evaluation.metrics", "avseg.models.avsegformer", "avseg.models.shared"),
    *("avseg.models.deformable", "avseg.models.backbones", "avseg.models.vggish", "avseg.models.released"),
    *(
        "avseg.data.labels",
        "avseg.data.avsbench.dataset",
        "avseg.data.avsbench.check",
        "avseg.synthavs.dataset",
    ),
    "avseg.synthavs.scenes",
    "avseg.errors",
)
HEAD = """# API

Written by `python docs/make_api.py` from the docstrings; change them, not this page. How the parts play
together is shown in [Use it from Python](python.md).
"""


def build() -> str:
    """Return the page."""
    sources = {name: _source(name) for name in MODULES}
    index = [f"- [`{name}`](#{_anchor(name)}): {_first(source)}" for name, source in sources.items()]
    return "\n".join([HEAD, *index, *(_module(name, source) for name, source in sources.items())]) + "\n"


def _source(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


def _module(name: str, source: str) -> str:
    tree, lines = ast.parse(source), source.splitlines()
    parts = [f"\n## {name}\n", _words(tree)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            parts.append(_class(node, lines))
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            parts.append(_function(node))
    return "\n".join(parts)


def _function(node: ast.FunctionDef) -> str:
    return f"\n### {node.name}\n\n```text\n{_signature(node)}\n```\n\n{_words(node)}"


def _class(node: ast.ClassDef, lines: list[str]) -> str:
    bases = ", ".join(map(ast.unparse, node.bases))
    parts = [
        f"\n### {node.name}\n",
        f"```text\nclass {node.name}{f'({bases})' if bases else ''}\n```\n",
        _words(node),
    ]
    fields = [
        f"- `{ast.unparse(part)}`{_said_of(part, node.body, lines)}"
        for part in node.body
        if isinstance(part, ast.AnnAssign) and not ast.unparse(part.target).startswith("_")
    ]
    parts += ["", *fields] if fields else []
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_") and ast.get_docstring(part):
            parts.append(f"\n`{_signature(part)}`  \n{_words(part)}")
    return "\n".join(parts)


def _signature(node: ast.FunctionDef) -> str:
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    arguments = ast.unparse(node.args)
    kinds = {ast.unparse(decorator) for decorator in node.decorator_list}
    if kinds & {"property", "cached_property"}:
        return f"{node.name}{result.replace(' -> ', ': ')}"
    return f"{node.name}({re.sub(r'^(self|cls)(, )?', '', arguments)}){result}"


def _said_of(field: ast.stmt, body: list[ast.stmt], lines: list[str]) -> str:
    """Return what is said of a field: the comment behind it, or the string below it."""
    comment = lines[field.end_lineno - 1][field.end_col_offset :].strip().removeprefix("# ")
    following = body[body.index(field) + 1 :][:1]
    if following and isinstance(following[0], ast.Expr) and isinstance(following[0].value, ast.Constant):
        comment = following[0].value.value
    return f": {_plain(comment)}" if comment else ""


def _words(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    """Return a docstring; its indented parts as blocks, and signs that Markdown would read as plain text."""
    text = ast.get_docstring(node) or ""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        indented = all(line.startswith("    ") for line in paragraph.splitlines())
        if paragraph.strip() and indented:
            lines = "\n".join(line[4:] for line in paragraph.splitlines())
            paragraphs.append(f"```text\n{lines}\n```")
        else:
            paragraphs.append(_plain(paragraph))
    return "\n\n".join(paragraphs)


def _plain(text: str) -> str:
    spans = re.split(r"(`[^`]*`)", text)
    return "".join(s if s.startswith("`") else re.sub(r"([*_<>\[\]])", r"\\\1", s) for s in spans)


def _first(source: str) -> str:
    return _plain((ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].replace("\n", " "))


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(build(), encoding="utf-8")
