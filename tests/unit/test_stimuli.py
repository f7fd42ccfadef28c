"""Lists of words that an extraction reads."""

import numpy as np
import pandas as pd
import pytest

from shared_affect.base.tables import write_tsv
from shared_affect.features.stimuli import extraction_lists, group_controls, norm_blocks, read_sets


def test_blocks_do_not_depend_on_the_order_of_the_table():
    words = [f"w{i:03d}" for i in range(10)]
    assert norm_blocks(words, 4) == norm_blocks(words[::-1], 4) == [words[:4], words[4:8], words[8:]]


def test_lists_are_named_by_source_and_emotion_and_rated_words_by_block():
    rated = [f"w{i:03d}" for i in range(300)]
    lists = extraction_lists({"concepts": {"joy": ("b", "a")}, "usf": {"joy": ["c"], "fear": []}}, rated)
    assert list(lists) == ["concepts/joy", "usf/joy", "usf/fear", "norms/0", "norms/1"]
    assert (
        lists["concepts/joy"] == ["b", "a"] and lists["usf/fear"] == [] and lists["norms/0"] + lists["norms/1"] == rated
    )


@pytest.mark.parametrize("emotions", [["joy", "fear"], ["fear", "joy"]])
def test_sets_of_several_sources_hold_the_emotions_asked_for(tmp_path, emotions):
    sets = pd.DataFrame({"emotion": ["joy", "awe", "joy"], "word": ["glad", "x", "01"]})
    write_tsv(tmp_path / "a.tsv", sets.assign(strength=np.nan, pos=None, source="usf"))
    found = read_sets({"concepts": tmp_path / "a.tsv"}, emotions)
    assert found == {"concepts": {"joy": ["glad", "01"], "fear": []}} and list(found["concepts"]) == emotions


def test_controls_of_each_emotion_keep_their_order():
    frame = pd.DataFrame({"emotion": ["fear", "joy", "fear"], "control": ["lamp", "cup", "door"]})
    assert list(group_controls(frame).items()) == [("fear", ["lamp", "door"]), ("joy", ["cup"])]
