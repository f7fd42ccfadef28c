"""Frequency and concreteness of words."""

import numpy as np
import openpyxl
import pandas as pd
import pytest

from shared_affect.human import frequencies

US = (
    "Word\tFREQcount\tCDcount\tSUBTLWF\tLg10WF\tSUBTLCD\nhappy\t16993\t5531\t333.2\t4.2303\t65.94\nFALSE\t1078\t826\t21.14\t3.033\t9.85\nnull\t27\t18\t0.53\t1.4472\t0.21\nnote"
    " ______\n"
)
CONCRETE = "Word\tBigram\tConc.M\tConc.SD\tUnknown\tTotal\nice cream\t1\t4.9\t0.4\t0\t28\njoy\t0\t2.37\t1.2\t3\t30\n"


def written(tmp_path, text):
    (tmp_path / "f.txt").write_text(text, encoding="utf-8")
    return tmp_path / "f.txt"


def test_subtlex_us(tmp_path):
    frame = frequencies.read_subtlex_us(written(tmp_path, US))
    assert frame["word"].tolist() == ["happy", "false", "null"] and frame.iloc[0].tolist() == [
        "happy",
        16993,
        333.2,
        4.2303,
        65.94,
    ]
    for bad, message in (
        (US.replace("1078", "many"), "line 3: FREQcount of 'FALSE' is 'many'; expected a whole number >= 1"),
        (US + "happy\t5\t5\t5\t5\t5\n", "line 6: 'happy' has count 5, but 16993 in line 2"),
    ):
        with pytest.raises(ValueError, match=message):
            frequencies.read_subtlex_us(written(tmp_path, bad))


@pytest.mark.parametrize("above", [[], [["Total word count: 33,546,516"], ["Context number: 6,243"]]])
def test_subtlex_ch_with_and_without_the_lines_on_its_corpus(tmp_path, above):
    book = openpyxl.Workbook()
    for row in [
        *above,
        ["Word", "WCount", "W/million", "logW", "W-CD", "W-CD%", "logW-CD"],
        ["的", 1682530, 50155.13, 6.226, 6243, 100, 3.7954],
    ]:
        book.active.append(row)
    book.save(tmp_path / "f.xlsx")
    assert frequencies.read_subtlex_ch(tmp_path / "f.xlsx").values.tolist() == [["的", 1682530, 50155.13, 6.226, 100.0]]


def test_concreteness_on_both_scales(tmp_path):
    frame = frequencies.read_concreteness(written(tmp_path, CONCRETE)).set_index("word")
    assert frame["concreteness"].tolist() == pytest.approx([0.95, -0.315]) and frame.loc[
        "joy", ["concreteness_1to5", "concreteness_sd", "concreteness_n", "percent_known"]
    ].tolist() == [2.37, 0.6, 27, 90]
    assert frame["two_words"].tolist() == [True, False]
    for bad, message in (
        (CONCRETE.replace("4.9", "5.9"), "Conc.M of 'ice cream' is '5.9'; expected a number from 1 to 5"),
        (CONCRETE.replace("\t3\t30", "\t30\t30"), "line 3: Unknown of 'joy' is 30 of 30"),
    ):
        with pytest.raises(ValueError, match=message):
            frequencies.read_concreteness(written(tmp_path, bad))


def test_real_subtlex(published_files):
    us = frequencies.read_subtlex_us(published_files("SUBTLEX-US", "SUBTLEXus74286wordstextversion.txt"))
    assert len(us) == 74286 and us.set_index("word").loc["happy", "log10_count"] == 4.2303
    ch = frequencies.read_subtlex_ch(published_files("SUBTLEX-CH", "SUBTLEX-CH-WF.xlsx"))
    assert len(ch) == 99121 and ch["word"].is_unique and ch.set_index("word").loc["的", "count"] == 1682530


def test_real_concreteness(published_files):
    frame = frequencies.read_concreteness(
        published_files("Brysbaert2014_concreteness", "Concreteness_ratings_Brysbaert_et_al_BRM.txt")
    )
    assert len(frame) == 39954 and frame["two_words"].sum() == 2896 and frame["concreteness_1to5"].between(1, 5).all()


def test_word_covariates_are_given_or_counted_and_go_by_word():
    described = pd.DataFrame(
        {"word": ["joy", "sad", "joy", "爱"], "n_tokens": [1, 2, 1, 1], "log10_count": [1.0, 2.0, 1.0, 3.0]}
    )
    got = frequencies.word_covariates(["sad", "爱", "joy"], described)
    assert (
        got.index.tolist() == ["sad", "爱", "joy"]
        and got["log10_count"].tolist() == [2, 3, 1]
        and got["length"].tolist() == [3, 1, 3]
        and got["n_tokens"].tolist() == [2, 1, 1]
    )
    unknown = described.assign(log10_count=[1.0, np.nan, 1.0, 3.0])
    assert "log10_count" not in frequencies.word_covariates(["sad"], unknown)
    counted = frequencies.word_covariates(["joy", "sad", "爱"], unknown, "Joy, joyful joy. 爱很爱")
    np.testing.assert_allclose(counted["log10_count"], np.log10([3, 1, 3]))
    with pytest.raises(ValueError, match="'rage' is not described"):
        frequencies.word_covariates(["rage"], described)
