"""From files to published tables: identities, families, Holm, contracts."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from shared_affect.features.readout import join_blocks
from shared_affect.results.claims.families import adjust, families
from shared_affect.results.collect import collect
from shared_affect.results.contracts import write_table

MAIN = {"control": "none", "spec": "primary"}
HERE = MAIN | {"model": "m", "sae": "s", "language": "en"}


def rsa_rows(**change):
    base = {
        "control": "none",
        "spec": "primary",
        "representation": "sae-space",
        "pairs": "all",
        "statistic": "rho-a",
        "p": 0.01,
        "n_permutations": 10000,
    }
    return pd.DataFrame([base | {k: v[i] for k, v in change.items()} for i in range(len(next(iter(change.values()))))])


def test_families_are_one_claim_and_one_control():
    frame = rsa_rows(
        control=["none", "untrained", "none", "none", "none", "none", "none"],
        pairs=["all", "all", "within-valence", "within-positive", "all", "all", "all"],
        representation=["sae-space"] * 4 + ["sae-all", "dense", "sae-space"],
        spec=["primary"] * 6 + ["held"],
    )
    assert families("rsa", frame).tolist() == [
        "structure",
        "structure | untrained",
        "fine-structure",
        "",
        "structure (sae-all)",
        "",
        "",
    ]
    ratings = pd.DataFrame(
        {
            "control": "none",
            "spec": "primary",
            "p": 0.1,
            "language": ["en", "en-zh", "en-zh", "en", "en-zh"],
            "dimension": ["valence", "valence", "arousal", "arousal", "valence"],
            "arm": ["emotion-space", "shared", "shared", "all", "emotion-space"],
        }
    )
    assert families("ratings", ratings).tolist() == ["ratings-valence", "transfer", "transfer-arousal", "", ""]


def test_adjusted_p_is_holm_within_each_family():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"family": ["a"] * 6 + ["b"] * 4 + [""] * 2, "p": rng.uniform(0, 0.2, 12), "n_permutations": 9999}
    )
    found = adjust(frame)
    for family in "ab":
        rows = frame["family"] == family
        np.testing.assert_allclose(found[rows], multipletests(frame["p"][rows], method="holm")[1])
    assert found[frame["family"] == ""].isna().all()


def test_a_claim_on_congruence_needs_both_nulls():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "family": ["a"] * 6 + [""],
            "p": rng.uniform(0, 0.02, 7),
            "n_permutations": 9999,
            "p_codes": rng.uniform(0, 0.02, 7),
            "n_code_permutations": 1000,
        }
    )
    both = [multipletests(frame[c][:6], method="holm")[1] for c in ("p", "p_codes")]
    assert (both[0] > both[1]).any() and (both[1] > both[0]).any()
    np.testing.assert_allclose(adjust(frame)[:6], np.maximum(*both))
    with pytest.raises(ValueError, match=r"6 tests with 500 permutations cannot reject.*n_code_permutations of rsa"):
        adjust(frame.assign(n_code_permutations=500))
    with pytest.raises(ValueError, match="6 of 6 tests have no p_codes"):
        adjust(frame.assign(p_codes=np.nan))


def test_a_family_that_could_reject_nothing_is_refused():
    frame = pd.DataFrame({"family": "a", "p": [0.001] * 10, "n_permutations": 999})
    with pytest.raises(ValueError, match=r"10 tests with 999 permutations cannot reject.*at least 1000"):
        adjust(frame)
    adjust(frame.assign(n_permutations=1999))


def test_collected_rows_know_where_they_come_from(tmp_path):
    files = {
        tmp_path / "m.tsv": MAIN | {"model": "m", "sae": "s"},
        tmp_path / "u.tsv": {"control": "untrained", "spec": "primary", "model": "u", "sae": "s"},
        tmp_path / "c.tsv": {"control": "shuffled-concepts", "spec": "primary", "model": "m", "sae": "s"},
        tmp_path / "h.tsv": {"control": "none", "spec": "held", "model": "m", "sae": "s"},
    }
    for k, path in enumerate(files):
        pd.DataFrame(
            [
                {
                    "n_active_both": 9,
                    "n_language": 1,
                    "n_language_shared": 1,
                    "n_shared": k,
                    "expected": 1.5,
                    "null_high": 3,
                    "p": 0.01 * (k + 1),
                    "p_labels": 0.01,
                    "p_words": 0.01 * (k + 1),
                    "n_permutations": 9999,
                    "n_word_permutations": 9999,
                    "frequency_known": True,
                }
            ]
        ).to_csv(path, sep="\t", index=False)
    frame = collect("shared_features", files, 7)
    write_table(tmp_path / "t.csv", "shared_features", frame)
    shared = frame[frame["quantity"] == "n_shared"]
    assert shared["control"].tolist() == ["none", "untrained", "shuffled-concepts", "none"] and shared[
        "spec"
    ].tolist() == ["primary"] * 3 + ["held"]
    assert shared["family"].tolist() == [
        "shared-universal",
        "shared-universal | untrained",
        "shared-universal | shuffled-concepts",
        "",
    ]
    ceiling = tmp_path / "zh.tsv"
    pd.DataFrame([{"quantity": "q", "value": 1.0, "p": 0.5, "n_permutations": 9999, "n_emotions": 4}]).to_csv(
        ceiling, sep="\t", index=False
    )
    who = HERE | {"language": "zh", "human": "h", "human_language": "fr"}
    raters = collect("rsa_differences", {ceiling: who}, 7)
    assert raters["human_language"].tolist() == ["fr"]
    assert shared["value"].tolist() == [0, 1, 2, 3] and set(frame["root_seed"]) == {7}


def test_facts_from_json_and_single_numbers_from_npz_become_rows(tmp_path):
    (tmp_path / "en.json").write_text('{"accuracy": 0.5, "n": 3, "converged": true, "name": "x"}')
    frame = collect("judges", {tmp_path / "en.json": MAIN | {"language": "en"}}, 7)
    assert frame[["language", "quantity", "value"]].to_numpy().tolist() == [["en", "accuracy", 0.5], ["en", "n", 3.0]]
    path = tmp_path / "text.npz"
    np.savez(path, l0=np.array([7.5]), density=np.arange(4.0), scalar=np.array(1.0))
    frame = collect("sae_fidelity", {path: HERE}, 7)
    assert frame[["model", "sae", "language", "quantity", "value"]].to_numpy().tolist() == [["m", "s", "en", "l0", 7.5]]


def test_a_file_whose_column_contradicts_its_path_is_refused(tmp_path):
    """With a lexicon the features of one emotion stood in the file of another, and the path was written over the right
    column.
    """
    path = tmp_path / "joy.tsv"
    rows = pd.DataFrame(
        [
            {
                "emotion": "fear",
                "rank": 1,
                "feature": 3,
                "weight": 1.0,
                "prevalence": 0.5,
                "auroc_emotion": 0.9,
                "auroc_neutral": 0.8,
                "p": 0.01,
                "q": 0.02,
                "passed_fdr": True,
                "density": 0.1,
            }
        ]
    )
    rows.to_csv(path, sep="\t", index=False)
    with pytest.raises(ValueError, match=r"joy\.tsv: column emotion says 'fear', the path says 'joy'"):
        collect("features", {path: HERE | {"emotion": "joy"}}, 7)
    rows.assign(emotion="joy").to_csv(path, sep="\t", index=False)
    assert collect("features", {path: HERE | {"emotion": "joy"}}, 7)["emotion"].tolist() == ["joy"]
    scores = tmp_path / "arousal.tsv"
    pd.DataFrame([{"arm": "all", "dimension": "valence", "r": 0.5}]).to_csv(scores, sep="\t", index=False)
    with pytest.raises(ValueError, match="column dimension says 'valence', the path says 'arousal'"):
        collect("ratings", {scores: HERE | {"norms": "n", "dimension": "arousal"}}, 7)


def cultures(**change):
    return pd.DataFrame(
        [
            {
                "control": "none",
                "spec": "primary",
                "root_seed": 0,
                "model": "m",
                "sae": "s",
                "norms": "n",
                "quantity": "q",
                "r": 0.1,
                "ci_low": 0.0,
                "ci_high": 0.2,
                "n_pairs": 3,
            }
            | change
        ]
    )


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (cultures().drop(columns="r"), "'r' is missing"),
        (cultures(extra=1), "'extra' is not in its contract"),
        (pd.concat([cultures(), cultures(r=0.3)]), "two rows"),
        (cultures(control="placebo"), "placebo.*allowed: none"),
    ],
)
def test_contracts_are_kept(tmp_path, frame, message):
    with pytest.raises(ValueError, match=message):
        write_table(tmp_path / "t.csv", "cultures", frame)
    assert not list(tmp_path.iterdir())


def test_blocks_of_words_join_to_one_list():
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(1)

    def block(words):
        x = csr_matrix(np.maximum(rng.normal(size=(2 * 2 * len(words), 5)), 0))
        return {
            "words": np.array(words),
            "templates": np.array(["a", "b"]),
            "positions": np.array(["w", "after"]),
            "dense": rng.normal(size=(2, 2, len(words), 3)),
            "static": rng.normal(size=(len(words), 3)),
            "data": x.data,
            "indices": x.indices,
            "indptr": x.indptr,
            "d_sae": np.array(5),
        }, x.toarray().reshape(2, 2, len(words), 5)

    (a, xa), (b, xb) = block(["u", "v"]), block(["w"])
    joined = join_blocks([a, b])
    codes = (
        csr_matrix((joined["data"], joined["indices"], joined["indptr"]), shape=(12, 5)).toarray().reshape(2, 2, 3, 5)
    )
    np.testing.assert_array_equal(codes, np.concatenate([xa, xb], axis=2))
    np.testing.assert_array_equal(joined["dense"], np.concatenate([a["dense"], b["dense"]], axis=2))
    assert joined["words"].tolist() == ["u", "v", "w"]
    for name, other in (("templates", b["templates"][::-1]), ("d_sae", np.array(6)), ("readouts", np.array(["x"]))):
        with pytest.raises(ValueError, match=f"blocks of words differ in {name}"):
            join_blocks([a, b | {name: other}])
