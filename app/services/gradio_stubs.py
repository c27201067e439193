"""Gradio without the type stubs that it writes for editors at every import.

For each component class, Gradio parses its source and rewrites a .pyi file beside it, also where nothing has
changed. That took a third of the time of `import gradio`, and an installed package should not change.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

WRITER, FUNCTION = "gradio.component_meta", "create_or_modify_pyi"


class _WithoutStubs(MetaPathFinder):
    """Finds the module that writes the stubs as usual, and replaces its function once it is loaded."""

    def find_spec(self, name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        if name != WRITER:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if hasattr(module, FUNCTION):
                setattr(module, FUNCTION, lambda *_: None)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Skip the stubs when Gradio is imported after this; nothing happens where it is imported already."""
    if WRITER not in sys.modules:
        sys.meta_path.insert(0, _WithoutStubs())
