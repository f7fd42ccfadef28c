"""The profile of layers and widths: every number is one of the SAE's own files, with the control that belongs to it."""

import numpy as np
import pandas as pd
import pytest

from shared_affect.base.contracts import ContractError
from shared_affect.features.files import FEATURE_USE, REPRODUCIBILITY, RUNNING_TEXT
from shared_affect.ratings.files import NOTES, RATINGS
from shared_affect.results.claims.table import CLAIMS
from shared_affect.results.contracts import CONTRACTS
from shared_affect.results.files import LAYER_PROFILE, QUANTITIES
from shared_affect.results.profile import ARM, SHUFFLED, Measured, profile, read_measured
from shared_affect.spaces.files import RSA

PEOPLE = {
    "rho": {"dataset": "judged", "human_language": "en"},
    "r": {"dataset": "rated", "human_language": "zh"},
}


def single(value, kind="float64"):
    return np.array([value], kind)


@pytest.fixture
def measured():
    """Numbers that are all unlike each other, so that none can stand for another."""
    draw = iter(np.random.default_rng(0).permutation(np.linspace(0.01, 0.99, 400)))
    facts = ("dead_share", "explained_variance", "l0", "loss", "loss_sae", "loss_ablated", "loss_recovered")
    running = {k: single(next(draw)) for k in (*facts, "mean_residual_norm")}
    running |= {"density": np.full(64, 0.5), "n_tokens": single(900, "int64")}
    use = {"n_kept": 40.0, "n_features": 31.0, "share_passed_fdr": next(draw), "n_emotions": 8.0}
    both = [(q, a) for q in ("held_out_auroc", "jaccard") for a in ("observed", SHUFFLED)]
    numbers = ("value", "ci_low", "ci_high", "shuffled_high")
    reproducibility = pd.DataFrame(
        [{"quantity": q, "arm": a} | {c: next(draw) for c in numbers} for q, a in both]
    ).assign(n_emotions=8, n_splits=2, n_shuffles=3)
    rungs = [
        (r, p, s) for r in ("sae-space", "sae-all", SHUFFLED) for p in ("all", "partial") for s in ("rho-a", "spearman")
    ]
    whole = {"n_permutations": 999, "n_code_permutations": 1000, "n_bootstrap": 0, "n_pairs": 28, "n_raters": 5}
    numbers = [f.name for f in RSA.fields if f.kind == "number"] + ["p", "p_codes"]
    rsa = pd.DataFrame(
        [dict(zip(RSA.key, rung)) | {c: next(draw) for c in numbers} | {"n_emotions": 8} | whole for rung in rungs]
    ).assign(nuisances="")
    rsa.loc[rsa["representation"] == SHUFFLED, ["p", "p_codes"]] = np.nan
    numbers = ("r", "ci_low", "ci_high", "p", "spearman", "r2", "rmse", "ceiling", "r_over_ceiling")
    arms = [(a, d) for d in ("valence", "arousal") for a in ("all", ARM, "outside-matched")]
    ratings = pd.DataFrame(
        [{"arm": a, "dimension": d} | {c: next(draw) for c in numbers} | {"n_permutations": 99} for a, d in arms]
    ).assign(n_words=70)
    frames = (pd.DataFrame(list(use.items()), columns=["quantity", "value"]), reproducibility, rsa, ratings)
    return Measured(running, *frames, {"not_tested": {}, "n_emotion_space": 31, "n_live": 50, "matched": {}})


def test_every_number_stands_beside_its_control(measured):
    frame = profile(measured, 7, PEOPLE, is_primary=False)
    LAYER_PROFILE.check(frame, "profile")
    assert set(frame["layer"]) == {7} and set(frame["d_sae"]) == {64} and set(frame["role"]) == {"exploratory"}
    assert set(profile(measured, 7, PEOPLE, is_primary=True)["role"]) == {"primary"}
    assert list(dict.fromkeys(frame["quantity"])) == list(QUANTITIES)
    rows = frame.set_index(["quantity", "of"])
    for quantity, n in (("explained_variance", 900), ("l0", 900)):
        assert rows.loc[(quantity, "-"), ["value", "n", "unit"]].tolist() == [
            measured.running[quantity][0],
            n,
            "tokens",
        ]
    assert rows.loc[("n_live", "-"), ["value", "n", "unit"]].tolist() == [50, 64, "features"]
    assert rows.loc[("n_selected", "-"), ["value", "n", "unit"]].tolist() == [31, 8, "emotions"]
    found = measured.reproducibility.set_index(["quantity", "arm"])
    for q in ("held_out_auroc", "jaccard"):
        own, chance = found.loc[(q, "observed")], found.loc[(q, SHUFFLED)]
        wanted = [
            own["value"],
            own["ci_low"],
            own["ci_high"],
            chance["value"],
            chance["ci_low"],
            chance["shuffled_high"],
        ]
        assert (
            rows.loc[(q, "-"), ["value", "ci_low", "ci_high", "beside_value", "beside_low", "beside_high"]].tolist()
            == wanted
        )
    rungs = measured.rsa.set_index(["representation", "pairs", "statistic"])
    columns = [
        "ci_low",
        "ci_high",
        "p",
        "p_codes",
        "n_permutations",
        "n_code_permutations",
        "ceiling_low",
        "ceiling_high",
    ]
    for pairs in ("all", "partial"):
        own, chance, row = (
            rungs.loc[("sae-space", pairs, "rho-a")],
            rungs.loc[(SHUFFLED, pairs, "rho-a")],
            rows.loc[("rho", pairs)],
        )
        assert row[["value", *columns]].tolist() == own[["rho", *columns]].tolist()
        assert (
            row[["beside_value", "beside_low", "beside_high"]].tolist() == chance[["rho", "ci_low", "ci_high"]].tolist()
        )
        assert row[["dataset", "human_language", "n", "unit"]].tolist() == ["judged", "en", 8, "emotions"]
    arms = measured.ratings.set_index(["arm", "dimension"])
    for dimension in ("valence", "arousal"):
        own, chance, row = (
            arms.loc[(ARM, dimension)],
            arms.loc[("outside-matched", dimension)],
            rows.loc[("r", dimension)],
        )
        assert row[["value", "ci_low", "ci_high", "p", "n", "n_permutations"]].tolist() == [
            *own[["r", "ci_low", "ci_high", "p"]],
            70,
            99,
        ]
        assert row["ceiling_low"] == row["ceiling_high"] == own["ceiling"] and np.isnan(row["p_codes"])
        assert row[["beside", "beside_value", "beside_low"]].tolist() == [
            "outside-matched",
            chance["r"],
            chance["ci_low"],
        ]
        assert row[["dataset", "human_language"]].tolist() == ["rated", "zh"]


def test_what_could_not_be_drawn_or_tested_is_empty_and_nothing_else_takes_its_place(measured):
    arms = measured.ratings
    without = Measured(
        **vars(measured) | {"ratings": arms[arms["arm"] != "outside-matched"].assign(n_permutations=np.nan)}
    )
    rows = profile(without, 7, PEOPLE, is_primary=True).set_index("quantity")
    assert rows.loc["r", "beside"].isna().all() and rows.loc["r", "beside_value"].isna().all()
    assert (rows.loc["r", "n_permutations"] == 0).all() and rows.loc["rho", "beside_value"].notna().all()
    nothing = Measured(**vars(measured) | {"ratings": arms[arms["arm"] == "all"]})
    assert "r" not in set(profile(nothing, 7, PEOPLE, is_primary=True)["quantity"])


def test_files_are_read_by_their_contracts(measured, tmp_path):
    RUNNING_TEXT.write(tmp_path / "running.npz", measured.running)
    FEATURE_USE.write(tmp_path / "use.tsv", measured.use)
    REPRODUCIBILITY.write(tmp_path / "reproducibility.tsv", measured.reproducibility)
    RSA.write(tmp_path / "rsa.tsv", measured.rsa)
    for d, rows in measured.ratings.groupby("dimension"):
        RATINGS.write(tmp_path / f"{d}.tsv", rows)
    NOTES.write(tmp_path / "notes.json", measured.notes)
    single = {k: tmp_path / f"{k}.tsv" for k in ("use", "reproducibility", "rsa")}
    single |= {"running": tmp_path / "running.npz", "notes": tmp_path / "notes.json"}
    read = read_measured(**single, ratings=[tmp_path / "valence.tsv", tmp_path / "arousal.tsv"])
    pd.testing.assert_frame_equal(
        profile(read, 7, PEOPLE, is_primary=True), profile(measured, 7, PEOPLE, is_primary=True), check_dtype=False
    )
    RSA.write(tmp_path / "rsa.tsv", measured.rsa.assign(rho=0.5))
    (tmp_path / "rsa.tsv").write_text((tmp_path / "rsa.tsv").read_text().replace("0.5", "5"))
    with pytest.raises(ContractError, match=r"rsa\.tsv: column 'rho' is 5"):
        read_measured(**single, ratings=[tmp_path / "valence.tsv"])


def test_no_claim_reads_the_profile():
    assert "layer_profile" in CONTRACTS and "family" not in CONTRACTS["layer_profile"].columns
    assert "p_adjusted" not in CONTRACTS["layer_profile"].columns  # so nothing of it is in a family
    assert {c.family.table for c in CLAIMS.values() if c.family} & {"layer_profile"} == set()
