"""The walls of the house: who may import whom, how large a room may be, what no file may hold.

Everything here reads source text; the two tests that import do so in a fresh interpreter.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("ediffi", "analysis", "demo")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# A part imports lower ranks and its own folder. `files` knows nothing but the file system.
RANKS = (
    {"limits"},
    {"config", "files", "images", "memory", "precision"},
    {"diffusion", "networks", "presets"},
    {"conditioning", "experts"},
    {"cascade", "controls"},
    {"build", "recipe", "stacked_guidance", "weights"},
    {"answers", "model_folder", "request"},
    {"conditioner", "joining"},
    {"loading", "sketching"},
    {"guiding"},
    {"generation", "shards"},
    {"storybook"},
    {"estimates", "pipeline", "twin", "worklist"},
    {"attention_watch", "control_options", "forward_times", "scores"},
    {"training"},
    {"bench"},
    {"commands"},
    {"__main__"},
)
RANK = {part: rank for rank, parts in enumerate(RANKS) for part in parts}

# What the sampling side may know of the storybook: its words, never its pencil.
SAMPLING = ("ediffi.cascade", "ediffi.controls", "ediffi.pipeline", "demo")
STORYBOOK_FOR_SAMPLING = {
    "ediffi.storybook",
    "ediffi.storybook.phrases",
    "ediffi.storybook.sentences",
    "ediffi.storybook.vocabulary",
}

# What `ediffi` itself offers, loaded when it is asked for.
EXPORTS = {"ediffi.controls.paint_with_words", "ediffi.pipeline"}

# Commands that open a package above `ediffi`, loaded when they run.
DOORS = {
    "ediffi.commands.demo": "demo",
    "ediffi.commands.study": "analysis",
    "ediffi.commands.evaluate": "analysis",
}

LONGEST_FILE = 320
LONGEST_FUNCTION = 60
UNPICKLERS = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, at its head or inside a function, as a full name."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                found.add(full if full in MODULES or alias.name == "__version__" else origin)
    return frozenset(found)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def reachable(start: str) -> set[str]:
    """Our own modules that importing one of them may load, lazy imports included."""
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in MODULES:
            continue
        seen.add(name)
        waiting.extend(imports(MODULES[name]))
    return seen


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_go_down_the_ranks(path):
    name = module_name(path)
    if name == "ediffi":  # its lazy exports point at the front door
        assert {found for found in imports(path) if found in MODULES} <= EXPORTS
        return
    allowed = {"ediffi": {"ediffi"}, "analysis": {"analysis", "ediffi"}, "demo": set(PACKAGES)}
    ours = {found for found in imports(path) if found.split(".")[0] in (*PACKAGES, "tests")}
    ours = {found for found in ours if found.split(".")[0] != DOORS.get(name)}
    strangers = {found for found in ours if found.split(".")[0] not in allowed[name.split(".")[0]]}
    assert not strangers, f"{name} may not import {sorted(strangers)}"
    if not name.startswith("ediffi."):
        return
    part = name.split(".")[1]
    assert part in RANK, f"{part} has no rank: give it one in tests/test_architecture.py"
    for found in sorted(ours):
        other = found.split(".")[1] if "." in found else "pipeline"
        lower = other in (part, "__version__") or RANK[other] < RANK[part]
        assert lower, f"{name} may not import {found}"


@pytest.mark.parametrize("name", sorted(DOORS))
def test_a_door_is_opened_by_its_command_alone(name):
    at_once = {
        node
        for top in tree(MODULES[name]).body
        if not isinstance(top, ast.FunctionDef)
        for node in ast.walk(top)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    opened = {ast.unparse(node) for node in at_once if DOORS[name] in ast.unparse(node)}
    assert not opened, "a door is opened when its command runs, not on import"


def test_packages_are_two_levels_deep():
    deep = [name for name in MODULES if name.startswith("ediffi.") and name.count(".") > 2]
    assert not deep


@pytest.mark.parametrize("start", sorted(name for name in MODULES if name.startswith(SAMPLING)))
def test_what_samples_cannot_reach_what_draws(start):
    storybook = {name for name in reachable(start) if name.startswith("ediffi.storybook")}
    assert storybook <= STORYBOOK_FOR_SAMPLING
    loaded = {found for name in reachable(start) for found in imports(MODULES[name])}
    assert "resvg_py" not in loaded


def test_the_studio_runs_on_its_own_extra():
    """`make demo` installs less than the tests do, so nothing it loads may need more."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["demo"]]
    installed = {canonicalize_name(Requirement(line).name) for line in wanted}
    providers = packages_distributions()
    for name in sorted(set().union(*(reachable(m) for m in MODULES if m.startswith("demo")))):
        tops = {found.split(".")[0] for found in imports(MODULES[name])} - set(PACKAGES)
        for top in tops - set(sys.stdlib_module_names):
            needed = canonicalize_name(providers.get(top, [top])[0])
            assert needed in installed, f"{name} imports {top}"


def test_only_plots_imports_matplotlib():
    users = {
        name
        for name, path in MODULES.items()
        if any(found.split(".")[0] == "matplotlib" for found in imports(path))
    }
    assert {name.split("_of_")[0] for name in users} <= {"analysis.plots"}


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=relative)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(tree(path)), "a module opens with a docstring"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_rooms_stay_small(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_FILE
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                length -= (first.end_lineno or 0) - first.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_argument_is_swallowed_and_no_global_is_changed(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            kwarg = node.args.kwarg
            typed = kwarg and kwarg.annotation and ast.unparse(kwarg.annotation) == "P.kwargs"
            assert kwarg is None or typed, f"line {node.lineno} takes any keyword"
        assert not isinstance(node, ast.Global), f"line {node.lineno} changes a global"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_is_left_undone(path):
    text = path.read_text(encoding="utf-8")
    assert not [word for word in ("TODO", "FIXME", "XXX") if word in text]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_is_unpickled_or_run_from_a_file(path):
    loaded = {found.split(".")[0] for found in imports(path)} & UNPICKLERS
    assert not loaded, f"{loaded} can run what it reads"
    for name, call in calls(path):
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert name not in {"eval", "exec", "__import__"}, f"line {call.lineno} runs text"
        assert given.get("trust_remote_code", "False") == "False"
        assert given.get("allow_pickle", "False") == "False"
        if name == "torch.load":
            assert given.get("weights_only") == "True", f"line {call.lineno}: weights_only=True"
        if name.split(".")[-1] == "import_module":
            assert path == ROOT / "ediffi/__init__.py", f"line {call.lineno} imports by string"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_module_only_declares(path):
    declarations = (
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
        ast.Assert,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.TypeAlias if sys.version_info >= (3, 12) else ast.ClassDef,
    )
    body = tree(path).body
    for node in body[1:] if isinstance(body[0], ast.Expr) else body:
        guard = isinstance(node, ast.If) and ast.unparse(node.test) in (
            "TYPE_CHECKING",
            "__name__ == '__main__'",
        )
        described = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        declared = guard or described or isinstance(node, declarations)
        assert declared, f"line {node.lineno} acts on import"
    if path.name == "__init__.py" and path.parent != ROOT / "ediffi":
        assert len(body) == 1, "an __init__.py holds its docstring only"


def run_python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_ediffi_is_quick_and_loads_no_library():
    script = """
import sys, time
began = time.perf_counter()
import ediffi
took = time.perf_counter() - began
heavy = {"torch", "numpy", "PIL", "transformers", "open_clip", "gradio", "matplotlib"}
print(sorted(heavy & set(sys.modules)), took < 0.5)
"""
    assert run_python(script).strip() == "[] True"


def test_importing_any_module_touches_nothing():
    """Libraries are loaded first; after that no import may open data, write, connect or start."""
    names = sorted(name for name in MODULES if not name.startswith("demo"))
    libraries = sorted(
        {found for name in names for found in imports(MODULES[name])}
        - set(MODULES)
        - {"__future__", "accelerate", "diffusers", "tensorboard"}
    )
    script = f"""
import importlib, os, sys
for name in {libraries!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
touched = []
CODE = (".py", ".pyc", ".so")
def watch(event, arguments):
    if event == "open":
        path, mode = str(arguments[0]), arguments[1] or "r"
        if path.startswith((sys.prefix, sys.base_prefix)):
            return  # a library reading its own files
        if not path.endswith(CODE) or set(str(mode)) & set("wax+"):
            touched.append((event, path, mode))
    elif event in ("os.mkdir", "os.rename", "os.remove", "socket.connect", "subprocess.Popen"):
        touched.append((event, str(arguments[0])))
sys.addaudithook(watch)
for name in {names!r}:
    importlib.import_module(name)
print(touched)
"""
    assert run_python(script).strip() == "[]"
