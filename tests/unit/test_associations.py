"""Free associations."""

import numpy as np
import pandas as pd
import pytest

from shared_affect.human import associations

USF = (
    "CUE, TARGET, NORMED?, #G, #P, FSG, BSG, MSG\nANGER, MAD, YES, 153, 63, .412, .030, \ufffd\nANGER, B, NO, 153, 2,"
    " .013, \ufffd, \ufffd\n"
)
SWOW = (
    "cue\tresponse\tR123\tN\tR123.Strength\n"
    "joy\thappy\t60\t300\t0.2\nhappy\tjoy\t30\t300\t0.1\njoy\tNA\t3\t300\t0.01\nhappy\tsad\t9\t300\t0.03\nsad\tcry\t9\t300\t0.03\n"
)


def test_usf(tmp_path):
    (tmp_path / "a.csv").write_text(USF, encoding="utf-8")
    page = (
        "<HTML>\n<BODY>\n<pre>\n"
        + USF.replace("ANGER", "FEAR").replace("\ufffd", "\u00a5")
        + "</pre>\n</BODY>\n</HTML>\n"
    )
    (tmp_path / "b.csv").write_bytes(page.encode("cp1252"))
    frame = associations.read_usf(tmp_path / "a.csv", tmp_path / "b.csv")
    assert list(frame) == associations.COLUMNS and len(frame) == 4 and frame["strength"].tolist() == [0.412, 0.013] * 2
    assert (
        frame.iloc[0].tolist() == ["anger", "mad", 0.412, 63, 153, 0.03]
        and np.isnan(frame["backward_strength"].iloc[[1, 3]]).all()
    )
    with pytest.raises(ValueError, match="anger -> mad stands in two files"):
        associations.read_usf(tmp_path / "a.csv", tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "<html><body>404</body></html>", "web page"),
        (lambda t: t.replace("FSG", "FORWARD"), "line 1: column 'FSG' is missing"),
        (lambda t: t.replace(".412", "41.2"), "line 2: FSG of 'ANGER' is '41.2'; expected a number from 0 to 1"),
        (
            lambda t: t + "ANGER, MAD, YES, 153, 63, .5, .030, \n",
            "line 4: 'anger mad' has strength 0.5, but 0.412 in line 2",
        ),
    ],
)
def test_bad_usf_is_named(tmp_path, change, message):
    (tmp_path / "a.csv").write_text(change(USF), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        associations.read_usf(tmp_path / "a.csv")


def test_swow_looks_up_the_way_back(tmp_path):
    (tmp_path / "s.csv").write_text(SWOW, encoding="utf-8")
    back = associations.read_swow_en(tmp_path / "s.csv").set_index(["cue", "target"])["backward_strength"]
    assert (
        back["joy", "happy"] == 0.1
        and back["happy", "joy"] == 0.2
        and back["happy", "sad"] == 0
        and np.isnan(back["joy", "NA"])
        and np.isnan(back["sad", "cry"])
    )


def test_swow_zh_has_commas(tmp_path):
    (tmp_path / "s.csv").write_text(
        '"cue","response","R123","N","R123.Strength"\n"快乐","开心",33,150,0.22\n"快乐","",3,150,0.02\n',
        encoding="utf-8",
    )
    frame = associations.read_swow_zh(tmp_path / "s.csv")
    assert frame[["cue", "target", "count", "n"]].values.tolist() == [["快乐", "开心", 33, 150]]
    with pytest.raises(ValueError, match="line 2: cue is 'joy', and 100% of them are not in han script"):
        (tmp_path / "s.csv").write_text(SWOW)
        associations.read_swow_zh(tmp_path / "s.csv")
    with pytest.raises(ValueError, match=r"column 'R123.Strength' is missing \(renamed to 'R1.Strength'"):
        (tmp_path / "s.csv").write_text(SWOW.replace("R123.Strength", "R1.Strength"))
        associations.read_swow_en(tmp_path / "s.csv")


def test_real_usf(published_files):
    frame = associations.read_usf(
        *(
            published_files("USF_free_association", f"Cue_Target_Pairs.{k}.csv")
            for k in ("A-B", "C", "D-F", "G-K", "L-O", "P-R", "S", "T-Z")
        )
    )
    assert len(frame) == 72176 and frame["cue"].nunique() == 5018
    strength = frame.set_index(["cue", "target"])
    assert strength.loc[("anger", "mad"), "strength"] == 0.412
    # the published way back is the target's own way forth
    both = frame.merge(frame, left_on=["cue", "target"], right_on=["target", "cue"])
    assert (both["backward_strength_x"] - both["strength_y"]).abs().median() < 0.001 and len(both) > 5000
    assert (frame["strength"] - frame["count"] / frame["n"]).abs().quantile(0.99) < 0.002


def test_vectors_are_the_decomposition_of_who_names_what(tmp_path):
    rng = np.random.default_rng(0)
    pairs = pd.DataFrame(
        [(f"c{i}", f"t{j}", rng.random()) for i in range(8) for j in range(6) if rng.random() < 0.7],
        columns=["cue", "target", "strength"],
    )
    names = sorted(set(pairs["cue"]) | set(pairs["target"]))
    full = np.zeros((len(names), len(names)))
    for cue, target, strength in pairs.itertuples(index=False):
        full[names.index(cue), names.index(target)] += np.sqrt(strength)
    full += full.T
    left, size, _ = np.linalg.svd(full)
    # the graph has two sides, so singular values come in equal pairs: only what the dimensions span is determined for
    # an even number
    words, vectors = associations.association_vectors(pairs, 4)
    assert words == sorted(set(pairs["cue"])) and np.allclose(np.linalg.norm(vectors, axis=1), 1)
    expected = (left * size)[[names.index(w) for w in words], :4]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-6)
    associations.write_vectors(tmp_path / "v.npz", words, vectors)
    again = associations.read_vectors([tmp_path / "v.npz"])
    assert again[0] == words and np.allclose(again[1], vectors, atol=1e-6) and associations.read_vectors([]) is None
    with pytest.raises(ValueError, match="14 words; needed: more than 300"):
        associations.association_vectors(pairs)
