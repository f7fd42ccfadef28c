"""A study of several SAEs a model: the profile of layers and widths beside claims, tables and figures of the primary
SAE, which stay as they are without it.
"""

import io
import re

import numpy as np
import pandas as pd
import pytest
from test_study import SAE, Study, edit_table

from shared_affect.results.files import QUANTITIES
from shared_affect.study.vocabulary import PAIR_SETS
from shared_affect.tools.files import check_study

pytestmark = pytest.mark.workflow
MODEL, CONTROL = "gemma2-planted", "llama-untrained-1"
MORE = {
    (MODEL, "b0-narrow"): {"layer": "0", "d_sae": "64"},
    (MODEL, "b1-btk"): {"layer": "1", "d_sae": "128"},
    (CONTROL, "b1-btk"): {"layer": "1", "d_sae": "128"},
}
ALONE = ("layer_profile", "figureS2")
"""What a study has of several SAEs alone."""
GROWN = ("space_pairs", "figureS4")
"""What has the primary SAE alone, and all of them where several are read: every space against every other."""


def add_saes(rows):
    first = {r["model"]: r for r in rows[::-1]}
    few = {"train_tokens": "20480"}
    return rows + [
        first[m] | {"sae": s, "path": f"{{results}}/saes/{m}/{s}"} | few | own for (m, s), own in MORE.items()
    ]


def published(study):
    """Bytes of claims, tables and figures by their place."""
    files = [study.path("claims.json"), study.path("claims.html")]
    files += [p for d in ("tables", "figures") for p in study.path(d).rglob("*") if p.is_file()]
    return {p.relative_to(study.path()).as_posix(): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study that was run with its primary SAE alone, and then with all of them."""
    made = Study(tmp_path_factory.mktemp("profile"))
    edit_table(made.folder / "config/saes.tsv", add_saes)
    made.set(control_models=[CONTROL], control_variants=["shuffled-concepts"], specs=[])
    made.set(steering=made.config["steering"] | {"enabled": False})
    made.snakemake()
    made.alone = published(made)
    made.read_alone = {p.parent.name for p in made.path("features", MODEL).glob("*/en")}
    made.trained_alone = {p.name for p in made.path("saes", MODEL).iterdir()}
    made.journals_alone = made.journals()
    made.set(saes="all")
    made.snakemake()
    return made


def test_a_study_of_the_primary_sae_reads_no_other(study):
    assert study.read_alone == study.trained_alone == {SAE}
    assert not any(name in file for file in study.alone for name in ALONE)


def test_claims_tables_and_figures_are_those_of_the_primary_sae_byte_for_byte(study):
    now = published(study)
    new = {file for file in now if file not in study.alone}
    assert new == {"tables/layer_profile.csv"} | {
        f"figures/{file}" for file in ("figureS2.pdf", "figureS2.png", "source/figureS2.csv")
    }
    other = [file for file, content in study.alone.items() if now[file] != content]
    assert {file.split("/")[-1].split(".")[0] for file in other} == set(GROWN)
    tables = {p.stem: pd.read_csv(p) for p in study.path("tables").glob("*.csv")}
    assert {name: set(t["sae"]) for name, t in tables.items() if "sae" in t and name not in ALONE} == {
        name: {SAE}
        for name in tables
        if name not in (*ALONE, *GROWN, "concept_words", "control_balance", "human_ceilings")
    }
    # what the primary SAE had read stands in the journal as it stood, beside what the others have
    journals = study.journals()
    assert {name: journals.get(name) for name in study.journals_alone} == study.journals_alone
    assert len(journals) > len(study.journals_alone)


def test_a_pair_of_spaces_more_moves_no_number_of_another(study):
    read = dict(keep_default_na=False, na_values=[""])
    before = pd.read_csv(io.BytesIO(study.alone["tables/space_pairs.csv"]), **read)
    after = pd.read_csv(study.path("tables", "space_pairs.csv"), **read)
    assert {SAE, "-"} == {*before["sae_a"], *before["sae_b"]} and len(after) > len(before)
    own = after[after[["sae_a", "sae_b"]].isin([SAE, "-"]).all(axis=1)].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, before)


def test_the_profile_holds_every_sae_with_its_control(study):
    profile = pd.read_csv(study.path("tables/layer_profile.csv"))
    found = {(r.model, r.sae): (r.layer, r.d_sae, r.role, r.control) for r in profile.itertuples()}
    assert found == {(m, SAE): (0, 128, "primary", c) for m, c in ((MODEL, "none"), (CONTROL, "untrained"))} | {
        (m, s): (int(own["layer"]), int(own["d_sae"]), "exploratory", "none" if m == MODEL else "untrained")
        for (m, s), own in MORE.items()
    }
    assert set(profile["quantity"]) == set(QUANTITIES) and set(profile["language"]) == {"en", "zh"}
    tested = profile[profile["quantity"] == "rho"]
    assert set(tested["of"]) <= set(PAIR_SETS) and tested[["p", "p_codes", "beside_value", "n"]].notna().all(axis=None)
    assert (tested["n_code_permutations"] == 1000).all() and set(tested["beside"]) == {"shuffled-concepts"}
    assert set(profile[profile["quantity"] == "r"]["of"]) == {"valence", "arousal"}
    values = tested.set_index(["model", "language", "of", "sae"])["value"].sort_index()
    assert values[(MODEL, "en", "all")].nunique() == 3  # three SAEs, three numbers
    assert len(check_study(study.path())) > 10  # every file between rules fits its contract


def test_numbers_of_the_primary_sae_are_those_of_the_claims(study):
    profile = pd.read_csv(study.path("tables/layer_profile.csv")).query("role == 'primary'")
    rsa = pd.read_csv(study.path("tables/rsa.csv"))
    rsa = rsa[rsa["control"].isin(["none", "untrained"]) & (rsa["statistic"] == "rho-a")]
    ratings = pd.read_csv(study.path("tables/ratings.csv"))
    ratings = ratings[ratings["control"].isin(["none", "untrained"]) & (ratings["arm"] == "emotion-space")]
    keys = ["control", "model", "language"]
    for quantity, table, of, value in (
        ("rho", rsa[rsa["representation"] == "sae-space"], "pairs", "rho"),
        ("r", ratings[~ratings["language"].str.contains("-")], "dimension", "r"),
    ):
        own = profile[profile["quantity"] == quantity].set_index([*keys, "of"]).sort_index()
        wanted = table.rename(columns={of: "of", value: "value"}).set_index([*keys, "of"]).sort_index()
        columns = ["value", "ci_low", "ci_high", "p"]
        assert len(own) == len(wanted) > 3
        np.testing.assert_array_equal(own[columns].to_numpy(float), wanted[columns].to_numpy(float))


def test_nobody_is_steered_with_another_sae(study):
    code, text = study.snakemake("-n", "--forceall", "--config", "study=other", "steering={enabled: true}")
    assert code == 0 and "layer_profile" in text
    steered = set(re.findall(r"results/other/steering/([^/\s]+)/([^/\s]+)/", text))
    assert steered == {(MODEL, SAE)}


def test_the_report_shows_the_profile_and_a_second_run_has_nothing_to_do(study):
    assert "Nothing to be done" in study.snakemake()[1]
    study.snakemake("--report", str(study.path("report.html")))
    page = study.path("report.html").read_text(encoding="utf-8")
    assert "figureS2" in page and "Layers and widths" in page


def test_a_list_says_which_models_lack_an_sae_and_one_that_none_has_is_refused(study):
    try:
        study.set(saes=["b1-btk", "b0-narrow"], study="listed")
        code, text = study.snakemake("-n")
        said = "SAE 'b0-narrow' of the key saes belongs to gemma2-planted, and there is none of that name for"
        assert code == 0 and f"{said} {CONTROL} (config/saes.tsv)" in text and "SAE 'b1-btk'" not in text
        assert f"saes/{CONTROL}/b1-btk" in text and f"saes/{CONTROL}/b0-narrow" not in text
        study.set(saes=["b1-bkt"])
        code, text = study.snakemake("-n", check=False)
        assert code and "key saes names 'b1-bkt' (did you mean 'b1-btk'" in text and "Job stats" not in text
        study.set(saes="primary", study="tiny")
        code, text = study.snakemake("-n", check=False)  # the profile would be left beside it
        assert code and "key saes: [" in text and "Job stats" not in text
    finally:
        study.set(saes="all", study="tiny")
