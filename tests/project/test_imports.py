"""Which file may import which; `make lint` checks the layers (import-linter, pyproject.toml)."""

import grimp
import pytest


@pytest.mark.parametrize("package", ["avseg", "app"])
def test_no_import_cycles_among_files(package):
    graph = grimp.build_graph(package)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # What nothing left imports is taken away, leaf by leaf; what remains imports itself in a circle.
    remaining = dict(edges)
    while leaves := [m for m, imported in remaining.items() if not imported & remaining.keys()]:
        for module in leaves:
            del remaining[module]
    assert not remaining, f"These import each other in a circle, or a circle: {sorted(remaining)}"
