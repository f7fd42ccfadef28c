"""Norms of words: real files where there are any, made-up ones in the same format always."""

import numpy as np
import pandas as pd
import pytest

from shared_affect.human import norms
from shared_affect.ratings.scores import find_ceilings

WARRINER = """,Word,V.Mean.Sum,V.SD.Sum,V.Rat.Sum,A.Mean.Sum,A.SD.Sum,A.Rat.Sum,D.Mean.Sum
1,joy,8.21,1.20,20,5.55,2.50,22,6.0
2,FALSE,3.0,1.5,19,4.0,2.0,21,5.0
3,ice cream,7.5,1.0,18,4.5,2.2,20,5.5
"""
XU = (
    "Word,Valence_Mean,Valence_SD,Valence_N,Arousal_Mean,Arousal_SD,Arousal_N\n"
    "快乐,2.4,0.6,30,2.8,1.0,32\n悲伤,-2.1,0.9,40,2.2,1.1,41\n驚奇,1,1,10,3,1,10\n惊奇,2,1,30,2,1,30\n"
)
CVAW = (
    "No.\tWord\tValence_Mean\tArousal_Mean\tValence_SD\tArousal_SD\n"
    "0\t快樂\t7.2\t6.4\t0.75\t1.02\n1\t驚嘆\t5.4\t7.6\t1.356\t0.8\n2\t驚歎\t5.0\t7.6\t1.0\t0.8\n"
)
NRC_1 = "Word\tValence\tArousal\tDominance\naaaaaaah\t0.479\t0.606\t0.291\nnull\t0.4\t0.2\t0.3\n"


def written(tmp_path, text, name="file.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_warriner_on_both_scales(tmp_path):
    frame = norms.read_warriner(written(tmp_path, WARRINER))
    assert frame["word"].tolist() == ["false", "ice cream", "joy"] and list(frame)[:7] == norms.COLUMNS
    joy = frame.iloc[2]
    assert (
        joy["valence_1to9"] == 8.21
        and joy["valence"] == pytest.approx((8.21 - 5) / 4)
        and joy["valence_sd"] == pytest.approx(0.3)
        and joy["valence_sd_1to9"] == 1.2
    )
    assert (joy["valence_n"], joy["arousal_n"]) == (20, 22) and joy["arousal"] == pytest.approx(0.1375)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("V.SD.Sum", "V.SD"), r"line 1: column 'V.SD.Sum' is missing \(renamed to 'V.SD'\?\)"),
        (lambda t: t.replace("8.21", "9.21"), "line 2: V.Mean.Sum of 'joy' is '9.21'; expected a number from 1 to 9"),
        (lambda t: t.replace(",22,", ",0,"), "A.Rat.Sum of 'joy' is '0'; expected a whole number >= 1"),
        (lambda t: t.replace("1.20", "8.5"), "V.SD.Sum of 'joy' is '8.5'; expected a number from 0 to 8"),
        (lambda t: t + "4,joy,8.0,1.2,20,5.55,2.5,22,6.0\n", "line 5: 'joy' has V.Mean.Sum 8.0, but 8.21 in line 2"),
        (lambda t: t.replace("joy", "快乐"), "expected words in latin script"),
        (lambda t: "<html><body>Not found", "web page"),
        (lambda t: "", "is empty"),
    ],
)
def test_bad_warriner_is_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        norms.read_warriner(written(tmp_path, change(WARRINER)))


def test_xu_has_two_scales_and_pools_by_number_of_raters(tmp_path):
    frame = norms.read_xu2022(written(tmp_path, XU)).set_index("word")
    assert (
        frame.loc["快乐", "valence"] == pytest.approx(0.8)
        and frame.loc["快乐", "arousal"] == pytest.approx(0.4)
        and frame.loc["快乐", "arousal_sd"] == pytest.approx(0.5)
    )
    assert (
        frame.loc["悲伤", "valence_m3to3"] == -2.1
        and frame.loc["悲伤", "arousal_0to4"] == 2.2
        and frame.loc["悲伤", "valence_sd"] == pytest.approx(0.3)
    )
    both = frame.loc["惊奇"]
    assert (
        len(frame) == 3
        and both["n_forms"] == 2
        and set(both["published_form"].split("|")) == {"驚奇", "惊奇"}
        and both["valence_n"] == 40
    )
    raters = np.concatenate([np.full(10, 1.0), np.full(30, 2.0)])
    assert both["valence_m3to3"] == pytest.approx(raters.mean()) and both["valence_sd_m3to3"] == pytest.approx(
        np.sqrt(1 + raters.var())
    )
    with pytest.raises(ValueError, match=r"line 3: Valence_Mean of '悲伤' is '-3.1'; expected a number from -3 to 3"):
        norms.read_xu2022(written(tmp_path, XU.replace("-2.1", "-3.1")))
    with pytest.raises(ValueError, match=r"'joy', which has no Chinese character"):
        norms.read_xu2022(written(tmp_path, XU.replace("快乐", "joy")))


def test_gbk_is_recognised(tmp_path):
    (tmp_path / "f.csv").write_bytes(XU.replace("驚", "惊").encode("gbk"))
    with pytest.raises(ValueError, match=r"line 2: byte .* is not UTF-8; it can be read as GBK"):
        norms.read_xu2022(tmp_path / "f.csv")


def test_cvaw_is_simplified_and_pooled_equally(tmp_path, caplog):
    frame = norms.read_cvaw(written(tmp_path, CVAW)).set_index("word")
    assert (
        sorted(frame.index) == ["快乐", "惊叹"]
        and frame.loc["快乐", "published_form"] == "快樂"
        and frame["valence_n"].isna().all()
    )
    pooled = frame.loc["惊叹"]
    assert (
        pooled["valence_1to9"] == pytest.approx(5.2)
        and pooled["valence"] == pytest.approx(0.05)
        and pooled["n_forms"] == 2
    )
    assert pooled["valence_sd_1to9"] == pytest.approx(np.sqrt((1.356**2 + 1.0) / 2 + 0.04)) and pooled[
        "valence_sd"
    ] == pytest.approx(pooled["valence_sd_1to9"] / 4)
    with pytest.raises(ValueError, match=r"line 5: '快樂' has Valence_Mean 7.0, but 7.2 in line 2"):
        norms.read_cvaw(written(tmp_path, CVAW + "3\t快樂\t7.0\t6.4\t0.75\t1.02\n"))


NRC_2 = "term\tvalence\tarousal\tdominance\nice cream\t0.8\t-0.1\t0.2\nfuneral\t-0.9\t0.1\t-0.4\n"


def test_nrc_vad_versions(tmp_path):
    first = norms.read_nrc_vad(written(tmp_path, NRC_1))
    assert first["word"].tolist() == ["aaaaaaah", "null"] and first.loc[0, "valence"] == pytest.approx(-0.042)
    assert first.loc[0, "valence_0to1"] == 0.479 and first["valence_sd"].isna().all()
    second = norms.read_nrc_vad_2(written(tmp_path, NRC_2)).set_index("word")
    assert second.loc["ice cream", "valence"] == 0.8 == second.loc["ice cream", "valence_m1to1"]
    assert second.loc["funeral", "arousal"] == 0.1 and second["valence_n"].isna().all()
    with pytest.raises(ValueError, match=r"line 2: Valence of 'aaaaaaah' is '1.479'; expected a number from 0 to 1"):
        norms.read_nrc_vad(written(tmp_path, NRC_1.replace("0.479", "1.479")))
    with pytest.raises(ValueError, match=r"line 2: 3 cells; expected 4"):
        norms.read_nrc_vad(written(tmp_path, "joy\t0.9\t0.5\t0.5\nfear\t0.1\t0.8\n"))


def test_a_header_of_no_version_of_nrc_vad_is_called_neither(tmp_path):
    odd = "Term\tValence\tArousal\tDominance\n" + NRC_2.split("\n", 1)[1]
    with pytest.raises(ValueError, match=r"line 1: column 'term' is missing.*expected term, valence, arousal") as found:
        norms.read_nrc_vad_2(written(tmp_path, odd))
    assert "version 1" not in str(found.value) and "Name the loader" not in str(found.value)
    with pytest.raises(ValueError, match="line 1: column 'Word' is missing"):
        norms.read_nrc_vad(written(tmp_path, odd))


def test_a_version_of_nrc_vad_is_never_read_as_the_other(tmp_path, caplog):
    with pytest.raises(ValueError, match=r"line 1: the header is 'term valence.*version 2.*Name the loader nrc-vad-2"):
        norms.read_nrc_vad(written(tmp_path, NRC_2))
    with pytest.raises(ValueError, match=r"line 1: the header is 'Word Valence.*version 1.*Name the loader nrc-vad \("):
        norms.read_nrc_vad_2(written(tmp_path, NRC_1))
    # even where every number would fit the other scale
    with pytest.raises(ValueError, match="expected version 1"):
        norms.read_nrc_vad(written(tmp_path, NRC_2.replace("-", "")))
    # one version's numbers under the other's header
    with pytest.raises(ValueError, match=r"valence is nowhere below 0.*scale of version 1"):
        norms.read_nrc_vad_2(written(tmp_path, NRC_2.replace("-", "")))
    with pytest.raises(ValueError, match=r"Valence of 'funeral' is '-0\.9'; expected a number from 0 to 1"):
        norms.read_nrc_vad(written(tmp_path, "Word\tValence\tArousal\tDominance\n" + NRC_2.split("\n", 1)[1]))
    # without a header nothing says which it is
    bare_1, bare_2 = (text.split("\n", 1)[1] for text in (NRC_1, NRC_2))
    assert norms.read_nrc_vad(written(tmp_path, bare_1))["word"].tolist() == ["aaaaaaah", "null"]
    assert "no header says which version this is" in caplog.text
    with pytest.raises(ValueError, match=r"'-0\.9'; expected a number from 0 to 1"):
        norms.read_nrc_vad(written(tmp_path, bare_2))
    with pytest.raises(ValueError, match="no header, so nothing says which version"):
        norms.read_nrc_vad_2(written(tmp_path, bare_1))


def test_ceilings_are_those_of_simulated_raters():
    rng = np.random.default_rng(4)
    n, words = 25, 4000
    true = rng.normal(0, 0.3, words)
    ratings = true[:, None] + rng.normal(0, 0.6, (words, n))
    again = true[:, None] + rng.normal(0, 0.6, (words, n))
    frame = pd.DataFrame(
        {
            "word": [f"w{i}" for i in range(words)],
            "valence": ratings.mean(1),
            "valence_sd": ratings.std(1, ddof=1),
            "valence_n": n,
            "arousal": 0.0,
            "arousal_sd": np.nan,
            "arousal_n": np.nan,
        }
    )
    found = find_ceilings(frame).set_index("quantity")
    # reliability is the correlation with another sample of raters, the ceiling that with the truth
    assert found.loc["reliability_valence", "value"] == pytest.approx(
        np.corrcoef(ratings.mean(1), again.mean(1))[0, 1], abs=0.02
    )
    assert found.loc["ceiling_valence", "value"] == pytest.approx(np.corrcoef(ratings.mean(1), true)[0, 1], abs=0.01)
    assert (
        list(found.index) == ["reliability_valence", "ceiling_valence"]
        and set(found["pairs"]) == {"words"}
        and (found["n"] == words).all()
        and (found["n_raters"] == n).all()
    )
    assert list(find_ceilings(frame.assign(valence_n=np.nan))) == [
        "pairs",
        "quantity",
        "statistic",
        "value",
        "n",
        "n_raters",
    ]


def test_real_warriner(published_files):
    frame = norms.read_warriner(published_files("Warriner2013", "Ratings_Warriner_et_al.csv"))
    assert (
        len(frame) == 13915
        and frame["word"].is_unique
        and frame[norms.COLUMNS].notna().all(axis=None)
        and "caring" not in set(frame["word"])
    )
    rated = frame.set_index("word")["valence_1to9"]
    assert rated["happiness"] == 8.48 and rated["sadness"] == 2.40
    found = find_ceilings(frame).set_index("quantity")["value"]
    expected = {
        "reliability_valence": 0.9120,
        "reliability_arousal": 0.6904,
        "ceiling_valence": 0.9550,
        "ceiling_arousal": 0.8309,
    }
    assert found.to_dict() == pytest.approx(expected, abs=0.0005)
    # by hand, on the published scale
    for d in norms.DIMENSIONS:
        noise = sum(s * s / n for s, n in zip(frame[f"{d}_sd_1to9"], frame[f"{d}_n"])) / len(frame)
        mean = sum(frame[f"{d}_1to9"]) / len(frame)
        assert found[f"reliability_{d}"] == pytest.approx(
            1 - noise / (sum((m - mean) ** 2 for m in frame[f"{d}_1to9"]) / (len(frame) - 1))
        )


def test_real_cvaw(published_files):
    frame = norms.read_cvaw(published_files("ChineseEmoBank", "CVAW_all_SD.csv")).set_index("word")
    assert len(frame) == 5476 and frame["n_forms"].sum() == 5512 and (frame["n_forms"] == 2).sum() == 36
    assert tuple(frame.loc["快乐", ["valence_1to9", "arousal_1to9"]]) == (7.2, 6.4) and not {"领悟", "宽慰"} & set(
        frame.index
    )
