"""The README's pictures are those of the notebooks that they are said to be of."""

import nbformat
import pytest

from analysis.notebook_pictures import IMAGES, PICTURES, ROOT, first_figure


@pytest.mark.parametrize("name", PICTURES)
def test_the_committed_picture_is_the_notebooks(name):
    stored = first_figure(ROOT / "notebooks" / f"{PICTURES[name]}.ipynb")
    assert (IMAGES / f"{name}.png").read_bytes() == stored, "run `make notebooks`"


def test_a_notebook_without_figures_is_named(tmp_path):
    path = tmp_path / "empty.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# Nothing"), nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(ValueError, match=r"empty\.ipynb has no figure stored"):
        first_figure(path)
