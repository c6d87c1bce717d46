"""The front door of the recorder: words become columns, and pictures stay what they were."""

import numpy as np
import pytest
import torch

from ediffi.attention_watch import attended, watching
from ediffi.conditioning.prompt import Prompt
from ediffi.controls.paint_with_words import Painting
from ediffi.pipeline import EDiffI
from tests.fakes import tiny_ensemble_folder, tiny_pipeline

PROMPT = "a fox by a tree"


@pytest.fixture(scope="module")
def model():
    return tiny_pipeline()


def test_listening_does_not_change_the_picture_and_every_step_is_heard(model):
    request = model.request(PROMPT, seed=3, steps=4)
    plain = model.generate_many([request])[0]
    (result,), maps = attended(model, request)
    assert np.array_equal(np.asarray(result.image), np.asarray(plain.image))
    assert result.recipe == plain.recipe
    steps = [step.sigma for step in model.steps(request)]
    assert maps.heard.sigmas == pytest.approx(steps)
    assert maps.heard.experts == ("baseline",) * 4
    assert maps.heard.branches == ("words", "nothing")
    assert [word.text for word in maps.heard.words[0]] == ["a", "fox", "by", "a", "tree"]
    assert (maps.heard.prompts, maps.heard.seeds) == ((PROMPT,), (3,))
    assert [layer.name for layer in maps.heard.layers] == ["down.1", "middle", "up.0", "up.1"]
    assert 0 < maps.heat("fox").mean() < 1 and maps.heat("fox", branch="nothing").max() == 0


def test_a_painting_of_the_whole_page_raises_its_phrase(model):
    painting = Painting(PROMPT).add("fox", np.ones((64, 64)), weight=4.0)
    plain = attended(model, model.request(PROMPT, steps=3))[1]
    painted = attended(model, model.request(PROMPT, steps=3, painting=painting))[1]
    high = (10.0, 100.0)
    assert (painted.heat("fox", sigma=high) > plain.heat("fox", sigma=high)).all()
    assert painted.heat("tree", sigma=high).mean() < plain.heat("tree", sigma=high).mean()


def test_chosen_words_phrases_and_spans(model):
    second = Prompt(PROMPT).phrase("a", 2)
    _, maps = attended(model, model.request(PROMPT, steps=2), ["A FOX", second, "tree"])
    assert [(w.text, w.start) for w in maps.heard.words[0]] == [
        ("a fox", 0),
        ("a", 9),
        ("tree", 11),
    ]
    both = attended(model, model.request(PROMPT, steps=2), ["a", "fox"])[1]
    summed = both.heat("a") + both.heat("fox")
    assert maps.heat("a fox") == pytest.approx(summed, abs=2e-3)


def test_a_word_that_is_not_there_is_refused_with_those_that_are(model):
    request = model.request(PROMPT, steps=2)
    with pytest.raises(ValueError, match="'dog' is not in the prompt, whose words are: a, fox, by"):
        attended(model, request, ["dog"])
    with pytest.raises(ValueError, match="'dog' was not recorded; recorded are: fox, tree"):
        attended(model, request, ["fox", "tree"])[1].heat("dog")
    with pytest.raises(ValueError, match="no layer 'attic'; there are down.1, middle"):
        attended(model, request)[1].heat("fox", layer="attic")
    with pytest.raises(ValueError, match="no stream 'gpt'; there are clip, t5"):
        attended(model, request)[1].heat("fox", stream="gpt")
    long = " ".join(f"w{k}" for k in range(130))
    with pytest.raises(ValueError, match="'w129' fits into neither encoder's context"):
        attended(model, model.request(long, steps=2), ["w129"])
    assert len(attended(model, model.request(long, steps=1))[1].heard.words[0]) == 112
    with pytest.raises(ValueError, match="attention to 130 words is asked for, and at most 128"):
        attended(model, model.request(PROMPT, steps=1), ["fox"] * 130)


def test_what_cannot_be_heard_as_one_batch_is_refused(model):
    requests = [model.request(PROMPT, seed=k, steps=2 + k) for k in range(2)]
    with pytest.raises(ValueError, match="do not make one batch"):
        attended(model, requests)
    turning = model.request(PROMPT, steps=4, timeline=[(0.5, "an owl")])
    with pytest.raises(ValueError, match="a timeline changes the words"):
        attended(model, turning)
    with pytest.raises(ValueError, match="1 rows are not made of the 2 pictures"):
        with watching(model, [model.request(PROMPT, seed=k, steps=2) for k in range(2)]):
            model.generate(PROMPT, steps=2, guidance=1.0)


def test_the_empty_sentence_has_shares_and_no_words(model):
    maps = attended(model, model.request("", steps=2))[1]
    assert maps.heard.branches == ("nothing",) and maps.heard.words == ((),)
    assert maps.part("null") == pytest.approx(1)
    with pytest.raises(ValueError, match="recorded are: none"):
        maps.heat("fox")


def test_an_encoder_that_reads_other_words_has_no_columns_of_these(model):
    request = model.request(PROMPT, steps=2, t5_prompt="two owls")
    maps = attended(model, request)[1]
    assert maps.heat("fox", stream="t5").max() == 0 < maps.heat("fox", stream="clip").min()
    assert maps.part("t5_words").min() > 0
    with pytest.raises(ValueError, match="'fox' fits into neither"):
        attended(model, model.request(PROMPT, steps=2, t5_prompt="", clip_prompt=""), ["fox"])


def test_a_lent_style_adds_a_branch_and_solvers_ask_twice(model):
    look = model.style([model.generate("", steps=1).image])
    maps = attended(model, model.request(PROMPT, steps=3, style=look, solver="heun"))[1]
    assert maps.heard.branches == ("words and picture", "words", "nothing")
    assert len(maps.heard.sigmas) == 5
    with watching(model, model.request(PROMPT, steps=3, solver="heun")) as recorder:
        assert recorder.evaluations == 5
    assert maps.part("clip_image").mean() > 0 == maps.part("clip_image", branch="words").max()


@pytest.mark.filterwarnings("ignore:.*which it was not trained on")
def test_experts_are_named_and_one_at_a_time_is_enough(tmp_path):
    folder = tiny_ensemble_folder(tmp_path / "tiny")
    model = EDiffI.from_pretrained(folder, dtype=torch.float32, resident=1)
    request = model.request("a fox", steps=6)
    (result,), maps = attended(model, request)
    ran = [step.experts[0] for step in model.steps(request)]
    assert list(maps.heard.experts) == ran and len(set(ran)) > 1
    plain = model.generate_many([request])[0]
    assert np.array_equal(np.asarray(result.image), np.asarray(plain.image))
    high, low = (maps.heat("fox", expert=name) for name in (ran[0], ran[-1]))
    assert high.shape == low.shape and (high != low).any()
