"""Runs notebooks and stores what they show, without what changes from run to run.

Keeps outputs and execution counts, because the tests compare stored outputs and treat a cell
without a count as never run. It knows nothing of what a notebook is about.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from ediffi.files import written_whole

CELL_SECONDS = 600


def run(path: Path) -> None:
    """Execute one notebook in its own folder and rewrite it; a failing cell raises."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    settle(notebook)
    with written_whole(path) as temporary:
        nbformat.write(notebook, temporary)


def settle(notebook: nbformat.NotebookNode) -> None:
    """Give cells ids by position and drop what names the machine: kernel and language versions."""
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def main() -> int:
    """`python -m analysis.notebooks notebooks`: run every notebook of a folder, or single files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    os.environ.setdefault("TQDM_DISABLE", "1")
    for given in parser.parse_args().paths:
        for path in sorted(given.glob("*.ipynb")) if given.is_dir() else [given]:
            print(path)
            run(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
