"""The floors of the house: an import goes to a lower floor, never sideways, never up, also not inside a function."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "pluralign"
FLOORS = {
    0: {"core"},
    1: {"surveys", "prompts", "engines", "metrics", "graph", "store", "jobs"},
    2: {"voices"},
    3: {"poll"},
    4: {"curate", "train", "elicit", "report"},
    5: {"serve", "assembly"},
    6: {"cli"},
    7: {"__init__", "__main__"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 500
# Who may print, read the environment, or import a package that makes start-up slow.
PRINTERS = {"cli", "report", "__main__"}
HEAVY = {"torch", "transformers", "peft", "vllm", "openai", "sklearn", "sacrebleu", "scipy", "networkx"}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[int, str]]:
    """Every module the file imports, wherever the import stands, as (line, dotted name)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write full imports"
            module = node.module or ""
            found += [
                (node.lineno, f"{module}.{alias.name}" if module == "pluralign" else module) for alias in node.names
            ]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_only_go_down(path: Path) -> None:
    here = room_of(path)
    assert here in FLOOR_OF, f"{here} has no floor: give it one in ARCHITECTURE.md and here"
    for line, name in imports(path):
        if not name.startswith("pluralign."):
            continue
        there = name.split(".")[1]
        if there == here or there not in FLOOR_OF:  # `from pluralign import __version__`
            continue
        assert FLOOR_OF[there] < FLOOR_OF[here], f"{path}:{line}: {here} may not import {there}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_stay_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), f"{path} does not open with what it is"
    if path.parent.name != "migrations":  # written by Django
        assert len(text.splitlines()) <= LONGEST_FILE, f"{path} is over {LONGEST_FILE} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_edge_prints_and_reads_the_environment(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert room_of(path) in PRINTERS, f"{path}:{node.lineno}: print belongs to cli and report"
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            assert path.name == "settings.py", f"{path}:{node.lineno}: the environment is read in cli/settings.py"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_heavy_packages_are_not_imported_at_the_top_of_light_modules(path: Path) -> None:
    """`pluralign --help` must not wait for torch: heavy imports stand inside functions or in named modules."""
    tree = ast.parse(path.read_text())
    for node in tree.body:
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            if name.split(".")[0] in {"torch", "transformers", "peft", "vllm"}:
                assert room_of(path) in {"engines", "train"}, (
                    f"{path}:{node.lineno}: {name} at the top of a light module"
                )


def test_the_core_needs_no_third_party_package_but_numpy_pydantic_and_yaml() -> None:
    allowed = {"numpy", "pydantic", "yaml", "pluralign"}
    import sys

    for path in MODULES:
        if room_of(path) != "core":
            continue
        for line, name in imports(path):
            root = name.split(".")[0]
            assert root in sys.stdlib_module_names or root in allowed, f"{path}:{line}: core imports {root}"


def test_every_room_has_a_floor_and_every_module_was_seen() -> None:
    assert MODULES, "no modules found: the other tests would pass on nothing"
    assert {room_of(path) for path in MODULES} <= set(FLOOR_OF)
