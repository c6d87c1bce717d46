"""Which characters of a caption speak of which thing, on written and on made-up captions."""

from ediffi.storybook.captions import write_caption
from ediffi.storybook.mentions import Part, mentions, parts
from ediffi.storybook.scene import Role, compose, sample_scene


def said(text: str, scene) -> list[tuple[str, tuple[int, ...]]]:
    return [(text[m.start : m.end], m.parts) for m in mentions(text, scene)]


def test_a_colour_tells_two_of_a_kind_apart():
    scene = compose([Role("fox", "red"), Role("fox", "blue")], "meadow")
    text = "A red fox beside a blue fox; the fox smiles."
    assert said(text, scene) == [("red fox", (0,)), ("blue fox", (1,)), ("fox", (0, 1))]


def test_a_colour_that_nothing_has_is_left_out_of_the_phrase():
    scene = compose([Role("fox", "red")], "meadow")
    assert said("a green fox", scene) == [("fox", (0,))]


def test_the_longest_noun_is_taken_and_other_spellings_count():
    scene = compose([Role("pine", "grey")], "forest")
    assert said("Two gray pine trees", scene) == [("gray pine trees", (0,))]


def test_parts_of_words_do_not_count():
    scene = compose([Role("cat", "red"), Role("car", "blue")], "meadow")
    assert said("a catalogue of cartwheels", scene) == []


def test_worn_pieces_come_after_the_things():
    scene = next(
        s for s in (sample_scene(k, split="train") for k in range(500)) if s.things[0].wears
    )
    found = parts(scene)
    assert [part.worn for part in found] == sorted(part.worn for part in found)
    assert found[0] == Part(0, scene.things[0].kind, scene.things[0].colour)


def test_every_caption_names_at_least_what_it_says_it_names():
    for seed in range(300):
        scene = sample_scene(seed, split="train")
        for length in ("short", "long"):
            caption = write_caption(scene, seed, length)
            named = {part for m in mentions(caption.text, scene) for part in m.parts}
            assert set(caption.things) <= named, caption.text
