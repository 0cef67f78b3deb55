"""The page on measures names every public function of the room, and every test it points to exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "metrics.md").read_text()


def public_functions() -> set[str]:
    return {
        node.name
        for path in (ROOT / "src" / "pluralign" / "metrics").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


HELPERS = {
    "uniform",
    "middle",
    "middle_position",
    "shares_of",
    "sizes_of",
    "baseline_alignment",
    "weighted_mean",
    "skills",
}


def test_every_measure_is_explained() -> None:
    assert public_functions() >= HELPERS
    missing = {name for name in public_functions() - HELPERS if not re.search(rf"`(?:[\w.]*\.)?{name}`", PAGE)}
    assert not missing


def test_every_named_test_exists() -> None:
    files = set(re.findall(r"`(tests/[\w/]+\.py)", PAGE))
    assert files
    assert all((ROOT / file).is_file() for file in files)
    defined = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    names = set(re.findall(r"\b(test_\w+)(?!\w*\.py)\b", PAGE)) - {Path(file).stem for file in files}
    names -= {match for match in names if f"{match}.py" in PAGE}
    assert names
    assert not {name for name in names if f"def {name}(" not in defined}
