"""The files between rules, and the vocabulary of published tables."""

import pandas as pd
import pytest

from shared_affect.base.tables import group_words, read_tsv, write_tsv
from shared_affect.results.contracts import CONTRACTS, write_table


def row(name, **change):
    contract = CONTRACTS[name]
    words = {k: v[0] for k, v in contract.words.items()}
    return pd.DataFrame([{c: 1.0 for c in contract.columns} | {"control": "none"} | words | change])


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_table_has_a_key_and_its_words_are_columns(name, tmp_path):
    contract = CONTRACTS[name]
    assert (
        len(set(contract.columns)) == len(contract.columns)
        and {"control", "root_seed"} <= set(contract.key)
        and set(contract.words) <= set(contract.columns)
    )
    write_table(tmp_path / "t.csv", name, row(name)[contract.columns[::-1]])
    assert list(pd.read_csv(tmp_path / "t.csv")) == contract.columns
    for column in contract.words:
        with pytest.raises(
            ValueError, match=f"table {name}: {column} is 'misspelt'; allowed: .*{contract.words[column][-1]}"
        ):
            write_table(tmp_path / "t.csv", name, row(name, **{column: "misspelt"}))
    # what is unique is the key, not the numbers
    write_table(tmp_path / "t.csv", name, pd.concat([row(name), row(name, root_seed=2)]))
    with pytest.raises(ValueError, match="two rows"):
        write_table(tmp_path / "t.csv", name, pd.concat([row(name), row(name, **{contract.values[0]: 5})]))


def test_words_of_each_emotion_keep_their_order():
    frame = pd.DataFrame({"emotion": ["fear", "joy", "fear", "awe"], "word": ["b", "glad", "a", "x"]})
    assert group_words(frame, ["joy", "fear", "calm"]) == {"joy": ["glad"], "fear": ["b", "a"], "calm": []}


WORDS = [
    '"glum',
    'mad"',
    '"',
    '""',
    "a\tb",
    "a\nb",
    "a\r\nb",
    "a\rb",
    " x ",
    "NA",
    "null",
    "nan",
    "true",
    "01",
    "1e3",
    "\u2028",
    "\ufeffx",
    "'",
    "\\",
    "快乐，",
    "#",
]


def test_whatever_is_written_between_rules_is_read_as_it_was(tmp_path):
    frame = pd.DataFrame({"word": WORDS, "more": range(len(WORDS)), "text": WORDS[::-1]})
    write_tsv(tmp_path / "t.tsv", frame)
    found = read_tsv(tmp_path / "t.tsv")
    assert (
        found["word"].tolist() == WORDS
        and found["text"].tolist() == WORDS[::-1]
        and found["more"].tolist() == list(range(len(WORDS)))
    )


@pytest.mark.parametrize("raters", [["01", "02"], ["NA", "1"], ["1", "2"], ["True", "False"], ["1e3", "nan"]])
def test_words_that_look_like_numbers_stay_words_between_rules(tmp_path, raters):
    write_tsv(tmp_path / "t.tsv", pd.DataFrame({"rater": raters, "emotion_a": ["null", "7"], "dissimilarity": [1, 2]}))
    found = read_tsv(tmp_path / "t.tsv")
    assert (
        found["rater"].tolist() == raters
        and found["emotion_a"].tolist() == ["null", "7"]
        and found["dissimilarity"].dtype.kind == "i"
    )
