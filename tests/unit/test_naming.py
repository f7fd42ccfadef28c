"""Files are found by name, whatever order two lists have."""

import itertools
import random
import re

import pytest

from shared_affect.base.naming import by_name

EMOTIONS = ["joy", "fear", "mild-regret"]


@pytest.mark.parametrize(
    "pattern",
    ["r/emotion_features/m/s/en/{}.tsv", "r/steering/m/s/en/{}/vector.safetensors", "r/x/norms_{}.tsv", "{}.npz"],
)
def test_every_order_of_the_files_gives_the_same_answer(pattern):
    for paths in itertools.permutations(pattern.format(e) for e in EMOTIONS):
        assert by_name(EMOTIONS, paths) == {e: pattern.format(e) for e in EMOTIONS}


def test_what_all_paths_share_names_nothing():
    # a model, a study and a language called like an emotion
    paths = [f"results/joy/features/fear/s/joy/{e}.tsv" for e in EMOTIONS[::-1]]
    assert by_name(EMOTIONS, paths) == {e: f"results/joy/features/fear/s/joy/{e}.tsv" for e in EMOTIONS}


def test_two_names_a_file():
    pairs = list(itertools.product(["en-zh", "zh-en"], ["valence", "arousal"]))
    paths = [f"r/ratings/m/s/{d}/n/{x}.tsv" for d, x in pairs]
    random.Random(0).shuffle(paths)
    assert by_name(pairs, paths) == {(d, x): f"r/ratings/m/s/{d}/n/{x}.tsv" for d, x in pairs}
    one_language = [("m", "en"), ("n", "en")]
    assert by_name(one_language, ["r/spaces/n/s/en.npz", "r/spaces/m/s/en.npz"]) == {
        ("m", "en"): "r/spaces/m/s/en.npz",
        ("n", "en"): "r/spaces/n/s/en.npz",
    }
    assert by_name(["valence"], ["r/ratings/m/s/en/n/valence.tsv"]) == {"valence": "r/ratings/m/s/en/n/valence.tsv"}


@pytest.mark.parametrize(
    ("names", "paths", "message"),
    [
        (["joy", "fear"], ["a/joy.tsv", "a/anger.tsv"], "'fear' has 0 files"),
        (["joy"], ["a/joy.tsv", "a/fear.tsv"], "a/fear.tsv belongs to none of joy"),
        (["joy", "fear"], ["a/joy.tsv", "b/joy.tsv", "a/fear.tsv"], "'joy' has 2 files"),
        (["joy", "fear"], ["a/joyful.tsv", "a/fear.tsv"], "'joy' has 0 files"),
        (["joy"], [], "'joy' has 0 files"),
        (["joy"], ["a/fear.tsv"], "'joy' has 0 files"),
    ],
)
def test_a_name_without_a_file_or_a_file_without_a_name_is_refused(names, paths, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        by_name(names, paths)


def test_no_script_pairs_files_by_position(root):
    for script in sorted((root / "workflow/scripts").glob("*.py")):
        text = script.read_text(encoding="utf-8")
        for call in re.findall(r"\bzip\(.*", text):
            assert not re.search(r"\b(snakemake\.(input|output)|[io]\.\w+)", call), (
                f"{script.name}: {call}; find files by name (naming.by_name)"
            )
