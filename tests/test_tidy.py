"""What a program can check about the code itself, beyond formatter, linter, types and import contracts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import raymesos

PACKAGE = Path(raymesos.__file__).parent
ROOT = PACKAGE.parent
TESTS = ROOT / "tests"
PURE = ("errors.py", "machine.py", "model", "wire", "kernel", "frameworks", "observe")
LONGEST_MODULE = 400
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules(*parts: str) -> list[Path]:
    """All modules of these parts of the package, all of it without parts."""
    found = [PACKAGE / part for part in parts or (".",)]
    return [path for each in found for path in ([each] if each.suffix == ".py" else sorted(each.rglob("*.py")))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    yield
    tree.cache_clear()


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: nothing says which files belong to it")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for line in listed.split("\0") if line and (path := ROOT / line).is_file()]


# ---------------------------------------------------------------- pure code


def stored_sets(module: ast.Module) -> Iterator[int]:
    """Lines where a set becomes part of an object or a module: in an annotation, a default, or an assignment to an attribute."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            yield from (each.lineno for each in node.body if _of_class(each))
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Attribute) for t in node.targets):
            yield from (node.lineno for _ in [0] if _is_set(node.value))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            yield from (node.lineno for _ in [0] if _names_set(node.annotation) or _is_set(node.value))
    for each in module.body:
        if isinstance(each, ast.Assign | ast.AnnAssign) and _is_set(each.value):
            yield each.lineno


def _of_class(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AnnAssign):
        return _names_set(statement.annotation) or _is_set(statement.value) or _defaults_to_set(statement.value)
    return isinstance(statement, ast.Assign) and (_is_set(statement.value) or _defaults_to_set(statement.value))


def _names_set(annotation: ast.expr) -> bool:
    named = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    return bool(named & {"set", "frozenset", "Set", "FrozenSet", "MutableSet"})


def _is_set(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in ("set", "frozenset")
    return isinstance(value, ast.Set | ast.SetComp)


def _defaults_to_set(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and any(
        keyword.arg == "default_factory" and _names_set(keyword.value) for keyword in value.keywords
    )


@pytest.mark.parametrize(
    ("code", "stored"),
    [
        ("class A:\n    x: set[str]", True),
        ("class A:\n    x: dict[str, set[int]] = field(default_factory=dict)", True),
        ("class A:\n    x: object = field(default_factory=set)", True),
        ("class A:\n    def f(self):\n        self.x = {1, 2}", True),
        ("class A:\n    def f(self):\n        self.x = frozenset()", True),
        ("NAMES = {'a', 'b'}", True),
        ("class A:\n    x: dict[str, None]", False),
        ("class A:\n    def f(self):\n        x = {1, 2}\n        self.y = {1: 2}", False),
    ],
)
def test_the_search_for_stored_sets_finds_them(code: str, stored: bool) -> None:
    assert bool(list(stored_sets(ast.parse(code)))) == stored


def test_pure_code_stores_no_set() -> None:
    found = [f"{name(path)}:{line}" for path in modules(*PURE) for line in stored_sets(tree(path))]
    assert found == [], "a set of strings changes its order from process to process: dict[K, None] keeps it"


# import-linter's contract names the first half of these; it does not see the others.
IMPURE = {"time", "random", "datetime", "os", "uuid", "secrets", "socket", "threading", "asyncio", "subprocess"}
IMPURE |= {"tempfile", "shutil", "logging", "sys", "weakref"}
IMPURE_CALLS = {"open", "print", "input", "hash", "id"}


def imported(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def test_pure_code_imports_no_clock_dice_or_surroundings() -> None:
    found = [
        f"{name(path)}:{line} {what}"
        for path in modules(*PURE)
        for line, what in imported(tree(path))
        if what in IMPURE
    ]
    assert found == []


def test_pure_code_calls_nothing_that_differs_by_process() -> None:
    found = []
    for path in modules(*PURE):
        module = tree(path)
        # A __hash__ may hash: its value stays in this process.
        own = {
            id(n) for f in ast.walk(module) if isinstance(f, FUNCTIONS) and f.name == "__hash__" for n in ast.walk(f)
        }
        for node in ast.walk(module):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in IMPURE_CALLS and id(node) not in own:
                found.append(f"{name(path)}:{node.lineno} {called}()")
    assert found == []


def test_every_machine_takes_all_of_its_inbox() -> None:
    """A `match` over a message ends in assert_never, so that a new message that nobody takes is a type error."""
    machines = [path for path in modules("kernel") if path.name == "machine.py"]
    assert len(machines) >= 4
    assert [name(path) for path in machines if "assert_never(message)" not in path.read_text()] == []


# ---------------------------------------------------------------- shape


def test_no_module_is_longer_than_one_can_read() -> None:
    long = {name(path): lines for path in modules() if (lines := path.read_text().count("\n")) > LONGEST_MODULE}
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    assert [name(path) for path in modules() if path.read_text().strip() and not ast.get_docstring(tree(path))] == []


def definition(public: str) -> tuple[Path, ast.AST]:
    """Where the public name lives, found without importing it."""
    home = ROOT.joinpath(*raymesos._HOME[public].split("."))
    path = home / "__init__.py" if home.is_dir() else home.with_suffix(".py")
    if home.name == public:
        return path, tree(path)
    found = {n.name: n for n in tree(path).body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    if public in found:
        return path, found[public]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and any(a.name == public for a in node.names):
            inner = ROOT.joinpath(*node.module.split(".")).with_suffix(".py")
            return inner, next(n for n in tree(inner).body if isinstance(n, ast.ClassDef) and n.name == public)
    raise AssertionError(f"{name(path)} has no {public}")


@pytest.mark.parametrize("public", raymesos.__all__)
def test_every_public_name_and_each_of_its_methods_has_a_docstring(public: str) -> None:
    path, node = definition(public)
    assert ast.get_docstring(node), f"{public} in {name(path)}"  # type: ignore[arg-type]
    if isinstance(node, ast.ClassDef):
        methods = [n for n in node.body if isinstance(n, FUNCTIONS) and not n.name.startswith("_")]
        assert [n.name for n in methods if not ast.get_docstring(n) and not overload(n)] == []


def overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)


def test_every_message_has_a_docstring() -> None:
    classes = [(path, n) for path in modules("wire") for n in tree(path).body if isinstance(n, ast.ClassDef)]
    assert len(classes) > 100
    assert [f"{name(path)} {n.name}" for path, n in classes if not ast.get_docstring(n)] == []


# ---------------------------------------------------------------- locust and Ray

LOCUST = {"locust", "gevent", "geventhttpclient"}
LOCUSTS_OWN = ("load_tests/locustfile.py", "load_tests/over_http/users/")


def modules_named(module: ast.Module) -> Iterator[str]:
    """What is imported, in full."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def is_of_locust(path: Path) -> bool:
    return name(path).startswith(LOCUSTS_OWN)


def python_files() -> list[Path]:
    return [path for part in ("raymesos", "tests", "load_tests", "workloads") for path in (ROOT / part).rglob("*.py")]


def test_nothing_but_its_own_files_imports_locust() -> None:
    """Its greenlets take over sockets and threads, in which Ray's client then hangs: it runs as a process of its own."""
    own = ("load_tests.over_http.users", "load_tests.locustfile")
    found = [
        f"{name(path)} {what}"
        for path in python_files()
        if not is_of_locust(path)
        for what in modules_named(tree(path))
        if what.partition(".")[0] in LOCUST or what.startswith(own)
    ]
    assert found == []


def test_what_locust_loads_does_not_load_ray() -> None:
    code = "import sys, load_tests.locustfile; print(*[each for each in ('gevent', 'ray') if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["gevent"]


# ---------------------------------------------------------------- tests and files


def test_test_modules_have_names_of_their_own() -> None:
    counts = Counter(path.name for path in TESTS.rglob("*.py") if path.name != "conftest.py")
    assert [each for each, count in counts.items() if count > 1] == []
    assert list(TESTS.rglob("__init__.py")) == []


def test_the_name_of_a_test_is_a_sentence() -> None:
    short = [
        f"{name(path)} {node.name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, FUNCTIONS) and node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert short == []


def test_no_test_patches_what_it_tests() -> None:
    found = [
        f"{name(p)}:{line}" for p in sorted(TESTS.rglob("*.py")) for line, what in imported(tree(p)) if what == "mock"
    ]
    patched = [
        name(p)
        for p in sorted(TESTS.rglob("*.py"))
        if re.search(r"\bunittest import mock\b|\bmock\.patch\b", p.read_text())
    ]
    own = name(Path(__file__))
    assert found + [each for each in patched if each != own] == []


# Written so that this file does not find itself.
MACHINE = re.compile(r"/(?:w[o]rk|f[a]rm|r[o]ot)/|/tmp/t[e]am|/opt/w[h]eels|https?://[^\s\"')]+/(?:simple|packages)/")


@pytest.mark.parametrize(
    ("text", "found"),
    [("cd /" + "work/main", True), ("https://x.org" + "/simple/ray", True), ("homework/1", False), ("/tmp/x", False)],
)
def test_the_search_for_machine_paths_finds_them(text: str, found: bool) -> None:
    assert bool(MACHINE.search(text)) == found


def test_no_file_names_a_path_or_package_host_of_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name(path)}:{n}" for n, line in enumerate(lines, 1) if MACHINE.search(line)]
    assert found == []


def test_tracked_files_are_small_enough_to_read() -> None:
    assert [name(path) for path in tracked() if path.stat().st_size > 1_000_000] == []
