"""The words of the study stand once, and what repeats them says the same."""

import pandas as pd
import pytest
import yaml

from shared_affect.study.vocabulary import (
    CONTROL,
    DIMENSIONS,
    JUDGE,
    PAIR_SET,
    RATING_ARM,
    REPRESENTATION,
    STEERING_ARM,
)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (("config", "rsa", "pairs"), [s.name for s in PAIR_SET.values() if s.is_asked_for]),
        (("config", "dimensions"), list(DIMENSIONS)),
        (("models", "control"), [c.name for c in CONTROL.values() if c.is_model]),
    ],
)
def test_the_schemas_allow_the_words_of_the_vocabulary(root, schema, words):
    name, *keys = schema
    field = yaml.safe_load((root / f"workflow/schemas/{name}.yaml").read_text(encoding="utf-8"))
    for key in keys:
        field = field["properties"][key]
    assert (field.get("items") or field)["enum"] == words


def test_shuffled_variants_are_the_controls_that_are_no_models(root):
    rows = pd.read_csv(root / "config/variants.tsv", sep="\t", keep_default_na=False)
    shuffles = set(rows["variant"][rows["kind"] == "control"])
    assert shuffles == {c.name for c in CONTROL.values() if not c.is_model}


def test_every_word_has_one_record_with_a_label_and_arms_their_own_colour():
    for records in (CONTROL, REPRESENTATION, PAIR_SET, RATING_ARM, STEERING_ARM, JUDGE):
        assert all(r.name == name and r.label for name, r in records.items())
    assert len({a.colour for a in STEERING_ARM.values()}) == len(STEERING_ARM)
    assert not STEERING_ARM["none"].has_strength and not STEERING_ARM["none"].of_emotion
