"""Words on signs: the captions that state them, each choice of encoders, told and drawn."""

import numpy as np
import pytest

from analysis import claim_numbers, plots_of_shares, result_lines, written_words
from analysis.written_words import HEARD, measure, sentences, signposts
from ediffi.config import as_json, from_json
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.scoring import facts
from tests.fakes import noted, tiny_pipeline

TASKS = signposts(6)
WORDS = [next(t.word for t in task.scene.things if t.word) for task in TASKS]


class Literate:
    """An inspector that reads true renders first; then as many signs right as each turn says."""

    def __init__(self, *right):
        self.right, self.turn = (len(TASKS), *right), -1

    def features(self, images):
        return images.reshape(len(images), -1).astype(float)

    def read(self, images):
        self.turn += 1
        return [self._sign(k < self.right[self.turn], word) for k, word in enumerate(WORDS)]

    @staticmethod
    def _sign(right, word):
        read = word if right else None
        return Reading(True, (Seen("sign", "white", 0.5, 0.5, 0.2, 1.0, word=read),))


def painted(monkeypatch, *right):
    model = tiny_pipeline()
    asked = noted(monkeypatch, model)
    return measure(model, Literate(*right), n=len(TASKS), steps=1), asked


def test_every_caption_states_a_word_of_its_sign():
    for task, word in zip(TASKS, WORDS, strict=True):
        assert [f.things[0].word for f in facts(task.scene, task.caption) if f.score == "word"] == [
            word
        ]
        assert word.lower() in task.caption.text.lower()
    assert [t.seed for t in signposts(3)] == [t.seed for t in TASKS[:3]]


def test_encoders_are_left_out_of_the_same_captions_and_noise(monkeypatch):
    _, asked = painted(monkeypatch, 6, 3, 0)
    assert [{r.without for r in requests} for requests in asked] == [
        {("clip_image",)},
        {("clip_text", "clip_image")},
        {("t5", "clip_image")},
    ]
    first, *others = [[(r.prompt, r.seed) for r in requests] for requests in asked]
    assert others == [first, first] and len(first) == len(TASKS)


def test_shares_are_counted_and_compared_in_pairs(monkeypatch):
    found, _ = painted(monkeypatch, 6, 3, 0)
    assert [each.right[0] for each in found.written] == [1, 0.5, 0]
    assert [each.signs[0] for each in found.written] == [1, 1, 1]
    both, t5, clip = found.written
    assert both.more == (0, 0, 0) and clip.more[0] == -1 and t5.more[0] == pytest.approx(-0.5)
    assert found.true[0] == 1 and found.chance is not None and found.chance < 0.5
    assert sum(each.n for each in found.lengths) == found.n == len(TASKS)
    assert [each.letters for each in found.lengths] == sorted({len(word) for word in WORDS})
    assert {each.right[0] for each in found.lengths} == {1}


def test_the_ledger_reads_it(monkeypatch):
    found = as_json(painted(monkeypatch, 6, 5, 0)[0])
    both = claim_numbers.written(HEARD[0])(found)
    assert both == claim_numbers.Number(1, found["true"][1], found["true"][2], 6)
    more = claim_numbers.written(HEARD[1], HEARD[2])(found)
    assert more is not None and more.value == pytest.approx(5 / 6) and more.low > 0


def test_it_is_told_and_drawn(monkeypatch):
    found, _ = painted(monkeypatch, 6, 3, 0)
    back = from_json(written_words.WrittenWords, as_json(found))
    assert back == found
    said = sentences(back)
    assert (
        said[0].startswith("T5 + CLIP text heard: a sign carries the word in 100 % (")
        and "than with both" not in said[0]
    )
    assert (
        said[2].startswith("CLIP text heard: a sign carries the word in 0 % (")
        and "-100 points" in said[2]
    )
    assert said[-1].startswith("Of true renders the inspector reads 100 % (")
    assert result_lines.written_lines(as_json(found)).count("\n- ") == len(said)
    (axes,) = plots_of_shares.written_words(back).axes
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels[:3] == ["T5 + CLIP text heard", "T5 heard", "CLIP text heard"]
    assert len(labels) == 3 + len(found.lengths)
    assert 50 in [float(np.asarray(line.get_xdata())[0]) for line in axes.lines]


def test_too_few_captions_are_refused():
    with pytest.raises(ValueError, match="at least 1 caption"):
        measure(tiny_pipeline(), Literate(), n=0)
