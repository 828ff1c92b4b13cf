"""The imports between rooms are those of the table in the README's "How it works", and no others."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "importer"
ANYWHERE = {"errors", "records", "tables", "catalogue", "logs", "private_files"}
STAGES = {
    *("settings", "loader", "mapping", "validation", "payload", "api"),
    *("ledger", "planner", "sender", "report", "run_folder", "notify"),
}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "records": {"errors"},
    "tables": {"errors", "records"},
    "catalogue": {"records"},
    "logs": {"errors"},
    "private_files": set(),
    "settings": ANYWHERE,
    "loader": ANYWHERE,
    "mapping": ANYWHERE,
    "validation": ANYWHERE,
    "payload": ANYWHERE,
    "api": ANYWHERE | {"settings"},
    "ledger": ANYWHERE,
    "planner": ANYWHERE,
    "sender": ANYWHERE | {"api", "ledger", "planner"},
    "report": ANYWHERE,
    "run_folder": ANYWHERE,
    "notify": ANYWHERE | {"settings"},
    "sandbox": set(),
    "partitions": ANYWHERE | STAGES | {"workflow"},
    "workflow": ANYWHERE | STAGES | {"partitions", "sandbox"},
    "commands": ANYWHERE | STAGES | {"workflow", "partitions", "sandbox"},
    "cli": ANYWHERE | {"commands", "workflow", "settings", "report"},
    "python_api": ANYWHERE | {"commands", "workflow", "settings"},
    "__main__": {"cli"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write it out so that the arrow can be seen"
            names = [
                f"{node.module}.{alias.name}" if node.module == "importer" else str(node.module) for alias in node.names
            ]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("importer.")}
    return rooms - {"__version__"}


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stay_within_the_table(path: Path) -> None:
    room = room_of(path)
    assert room in ALLOWED, f"{room} is a new room: add it to the table"
    assert imported_rooms(path) - {room} <= ALLOWED[room]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_http_is_httpx_and_concurrency_is_anyio(path: Path) -> None:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(str(node.module).partition(".")[0])
    assert not roots & {"asyncio", "aiohttp", "yarl", "uvloop"}


def test_only_cli_prints_asks_or_exits() -> None:
    for path in MODULES:
        if room_of(path) in {"cli", "sandbox"}:
            continue
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"print", "input", "exit", "quit"}, path


def test_top_level_holds_nothing_else() -> None:
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=PACKAGE.parent, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in listed.splitlines()}
    allowed = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "Makefile",
        "requirements.lock",
        "importer",
        "mappings",
        "tests",
        "sample_data",
    }
    assert {name for name in top if not name.startswith(".")} <= allowed
