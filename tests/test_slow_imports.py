"""Who needs no encoder does not wait for the libraries that read one; source text alone."""

import ast
from pathlib import Path

from tests.test_architecture import MODULES, tree

# Libraries that take seconds to import. Who needs no encoder does not wait for them: these files,
# none of which `import ediffi.pipeline` loads, may import them at their head.
SLOW = {"diffusers", "open_clip", "timm", "torchvision", "transformers"}
PATIENT = {
    "ediffi.cascade.degradation",
    "ediffi.training.clip",
    "ediffi.training.t5",
    "ediffi.training.tokenizers",
}


def head_imports(path: Path) -> set[str]:
    """The libraries that importing a file loads; what only types need is not loaded."""
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_slow_libraries_are_imported_late():
    heads = {name: head_imports(path) & SLOW for name, path in MODULES.items()}
    assert {name for name, slow in heads.items() if slow} == PATIENT
