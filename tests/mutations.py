"""Ten ways to break the model quietly, and the test that notices each: `python -m tests.mutations`.

Every mutation is one exact replacement in one file. It is made in a copy of the tree, its narrow
test is run there, and the mutation is *caught* when the test fails, *missed* when it passes, and
*broken* when it cannot even be run. The tree itself is never touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = (".*", "weights", "runs", "docs", "notebooks", "__pycache__", "build", "dist")
SECONDS = 120
CAUGHT, MISSED, BROKEN = "caught", "missed", "broken"

Run = Callable[[Path, Sequence[str]], int]
"""Runs tests in a tree and gives pytest's exit status."""


@dataclass(frozen=True)
class Mutation:
    """`before` becomes `after` in `file`, and `test` (path::name) should fail."""

    name: str
    file: str
    before: str
    after: str
    test: str


MUTATIONS = (
    Mutation(
        "a sign in the solver",
        "ediffi/diffusion/samplers.py",
        "x = x + (following - sigma) * (x - denoised) / sigma",
        "x = x - (following - sigma) * (x - denoised) / sigma",
        "tests/diffusion/test_samplers.py::test_gaussian_data_comes_out_with_its_moments",
    ),
    Mutation(
        "guidance off by one step",
        "ediffi/diffusion/guidance.py",
        "(sigma > self.low) & (sigma <= self.high)",
        "(sigma >= self.low) & (sigma < self.high)",
        "tests/diffusion/test_guidance.py"
        "::test_outside_the_window_only_the_conditional_branch_is_asked",
    ),
    Mutation(
        "the null not masked",
        "ediffi/conditioning/embeddings.py",
        'changes["t5_mask"] = self.t5_mask & rows[:, None]',
        'changes["t5_mask"] = self.t5_mask',
        "tests/conditioning/test_embeddings.py"
        "::test_a_null_is_zero_and_masked_and_leaves_the_others",
    ),
    Mutation(
        "an interval's edge moved",
        "ediffi/experts/tree.py",
        "torch.tensor(index / 2**level, dtype=torch.float64)",
        "torch.tensor((index + 0.25) / 2**level, dtype=torch.float64)",
        "tests/experts/test_tree.py::test_the_paper_s_boundaries",
    ),
    Mutation(
        "the maximum over the batch instead of per picture",
        "ediffi/networks/attention.py",
        "peak = visible.amax(dim=(2, 3), keepdim=True).clamp(min=0)",
        "peak = visible.amax(dim=(0, 2, 3), keepdim=True).clamp(min=0)",
        "tests/networks/test_attention.py"
        "::test_the_maximum_is_per_picture_and_head_over_unmasked_columns",
    ),
    Mutation(
        "pictures go to the wrong captions",
        "ediffi/pipeline.py",
        "finished.update(zip(group, results, strict=True))",
        "finished.update(zip(group, results[::-1], strict=True))",
        "tests/test_pipeline.py"
        "::test_requests_are_grouped_by_what_they_share_and_come_back_in_order",
    ),
    Mutation(
        "c_skip of the noise instead of the data",
        "ediffi/diffusion/denoiser.py",
        "c_skip=sigma_data**2 / variance",
        "c_skip=sigma**2 / variance",
        "tests/diffusion/test_denoiser.py"
        "::test_a_zero_network_is_the_optimal_denoiser_of_gaussian_data",
    ),
    Mutation(
        "the noise levels rise",
        "ediffi/diffusion/noise.py",
        "ramp = torch.arange(steps, dtype=torch.float64) / (steps - 1)",
        "ramp = torch.arange(steps, dtype=torch.float64).flip(0) / (steps - 1)",
        "tests/diffusion/test_noise.py::test_grid_starts_falls_and_ends",
    ),
    Mutation(
        "the average of the weights not used",
        "ediffi/training/ema.py",
        "            _copy(self.tensors, module)\n            module.eval()",
        "            module.eval()",
        "tests/training/test_ema.py::test_swapping_restores_weights_and_mode_even_after_an_error",
    ),
    Mutation(
        "the painting repels",
        "ediffi/networks/attention.py",
        "return scores + scale * paint.bonus(grid).to(scores.dtype)",
        "return scores - scale * paint.bonus(grid).to(scores.dtype)",
        "tests/networks/test_attention.py"
        "::test_painting_raises_the_phrase_where_painted_and_only_there",
    ),
)


def copied(destination: Path, root: Path = ROOT) -> Path:
    """A copy of the tree without what no narrow test needs."""
    shutil.copytree(root, destination, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    return destination


def verdict(tree: Path, mutation: Mutation, run: Run) -> str:
    """What becomes of one mutation in a copy of the tree, which is as it was afterwards.

    Raises ValueError where the text to replace does not stand exactly once in its file.
    """
    path = tree / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise ValueError(
            f"{mutation.name}: its text stands {text.count(mutation.before)} times in"
            f" {mutation.file}, but must stand once."
        )
    path.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
    try:
        status = run(tree, [mutation.test])
    finally:
        path.write_text(text, encoding="utf-8")
    return {0: MISSED, 1: CAUGHT}.get(status, BROKEN)


def run_tests(tree: Path, tests: Sequence[str]) -> int:
    """pytest's exit status for tests of a tree, in a fresh process; 124 where it took too long."""
    words = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    place = {**os.environ, "PYTHONPATH": str(tree)}
    try:
        done = subprocess.run(words, cwd=tree, env=place, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return 124
    return done.returncode


def main() -> int:
    """Tries all of them and prints what became of each; 0 where every one is caught."""
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder) / "tree")
        if run_tests(tree, [mutation.test for mutation in MUTATIONS]) != 0:
            print("The tests fail without any mutation; nothing can be said.", file=sys.stderr)
            return 2
        states = []
        for mutation in MUTATIONS:
            states.append(verdict(tree, mutation, run_tests))
            print(f"{states[-1]:7} {mutation.name} ({mutation.file})", flush=True)
    print(f"{states.count(CAUGHT)} of {len(states)} mutations are caught.")
    return int(set(states) != {CAUGHT})


if __name__ == "__main__":
    raise SystemExit(main())
