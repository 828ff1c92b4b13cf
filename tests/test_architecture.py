"""Architecture rules: which package may import which (the table in importer/README.md), and what no module may do."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "importer"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FUNCTION = 50  # lines
TOP_LEVEL = {
    *("pyproject.toml", "README.md", "LICENSE", "Makefile", "requirements.lock"),
    *("importer", "mappings", "tests", "sample_data"),
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


BY_NAME = {name_of(path): path for path in MODULES}


def allowed() -> dict[str, set[str]]:
    """The table of packages: each package and those that it may import."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8").partition("## Packages")[2].partition("\n## ")[0]
    anywhere = set(re.findall(r"`(\w+)`", text.partition("may be imported everywhere")[0].rpartition("says.")[2]))
    stages = set(re.findall(r"`(\w+)`", text.partition('"All stages" are')[2]))
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*)\|$", text, re.MULTILINE)
    table = {}
    for package, imports in rows:
        named = set(re.findall(r"`(\w+)`", imports))
        table[package] = (
            named | (stages if "all stages" in imports else set()) | (set() if package in anywhere else anywhere)
        )
    return table | {"sandbox": set(), "__main__": {"cli"}, "__init__": {"errors", "python_api"}}


ALLOWED = allowed()


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path, body: list[ast.stmt] | None = None) -> Iterator[str]:
    """The full names of the modules that a module imports; with ``body``, only the import statements directly in it."""
    nodes = ast.walk(parsed(path)) if body is None else body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write relative imports out"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in BY_NAME else str(node.module)


def test_imports_stay_within_the_table() -> None:
    packages = {package_of(path) for path in MODULES}
    assert packages <= ALLOWED.keys(), "add it to the table in importer/README.md"
    strays: dict[str, set[str]] = {}
    for path in MODULES:
        found = {name.split(".")[1] for name in imported(path) if name.startswith("importer.")}
        if stray := found - {package_of(path)} - ALLOWED[package_of(path)]:
            strays[name_of(path)] = stray
    assert strays == {}


def test_public_class_names_are_unique() -> None:
    classes = (node for path in MODULES for node in parsed(path).body if isinstance(node, ast.ClassDef))
    counts = Counter(node.name for node in classes if not node.name.startswith("_"))
    assert [name for name, count in counts.items() if count > 1] == []


def test_only_httpx_and_anyio_are_used_for_http_and_concurrency() -> None:
    others = {"asyncio", "aiohttp", "yarl", "uvloop"}
    assert [path for path in MODULES if others & {name.partition(".")[0] for name in imported(path)}] == []


def test_no_private_names_of_other_modules_are_used() -> None:
    assert {name_of(path): names for path in MODULES if (names := private_names(path))} == {}


def private_names(path: Path) -> list[str]:
    """The private names of other modules that a module uses."""
    nodes = list(ast.walk(parsed(path)))
    froms = [alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    modules = {
        alias.asname or alias.name.partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    used = [
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    ]
    return [name for name in (*froms, *used) if re.match(r"_(?!_)", name) and name != "_exit"]  # os._exit is public


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{name_of(path)}.{node.name}"
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_module_names_are_unique() -> None:
    names = Counter(path.stem for path in MODULES if not path.stem.startswith("__") and package_of(path) != "commands")
    assert [name for name, count in names.items() if count > 1] == []


def test_readme_names_only_existing_modules() -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    known = {path.name for path in MODULES} | {str(path.relative_to(PACKAGE)) for path in MODULES}
    assert [
        name
        for name in re.findall(r"`([\w/]+\.py)`", text)
        if name not in known | {"__init__.py", "importer/__init__.py", "tests/test_architecture.py"}
    ] == []


def test_readme_names_functions_where_they_are() -> None:
    """Each name in backticks in "Where to find what" is defined in one of the files that its row names."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    text = text.partition("## Where to find what")[2].partition("\n## ")[0]
    rows = [row for row in re.findall(r"^\| .* \| (.*) \|$", text, re.MULTILINE) if row != "module"]
    assert len(rows) > 100
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    lost = []
    for row in rows:
        named = re.findall(r"`([\w./]+\.(?:py|toml|json|yaml|j2))`", row)
        found = {name: [path for path in files if f"/{path.relative_to(ROOT)}".endswith(f"/{name}")] for name in named}
        lost += [name for name, paths in found.items() if not paths]
        known = {name for paths in found.values() for path in paths for name in defined(path)}
        lost += [name for name in re.findall(r"`(\w+)`", row) if name not in known]
    assert lost == []


def defined(path: Path) -> set[str]:
    """The functions, classes, and constants of a module; the keys of a table of data."""
    if path.suffix == ".toml":
        return set(re.findall(r"^(\w+) = ", path.read_text(encoding="utf-8"), re.MULTILINE))
    if path.suffix != ".py":
        return set()
    nodes = list(ast.walk(parsed(path)))
    made = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    return made | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def test_there_are_no_import_cycles() -> None:
    graph = {
        name: {found for found in imported(path, parsed(path).body) if found in BY_NAME} - {name, "importer"}
        for name, path in BY_NAME.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_only_cli_prints_prompts_or_exits() -> None:
    for path in MODULES:
        if package_of(path) in {"cli", "sandbox"}:
            continue
        calls = {
            node.func.id
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"print", "input", "exit", "quit"}, path


def test_web_is_imported_only_by_its_command() -> None:
    outside = [path for path in MODULES if package_of(path) != "web"]
    users = {name_of(path) for path in outside if any(name.startswith("importer.web") for name in imported(path))}
    assert users == {"importer.commands.open"}


def test_top_level_has_only_listed_files() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in listed.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
