"""What stands beside the claims through the workflow: profiles of words, vignettes; languages without them."""

import re

import numpy as np
import pandas as pd
import pytest
from made_vignettes import write_aipsy, write_song
from test_study import EMOTIONS, SAE, Study, edit_table

from shared_affect.base.tables import read_tsv
from shared_affect.results.contracts import CONTRACTS
from shared_affect.tools.files import check_study, contract_of

pytestmark = pytest.mark.workflow
NAMES = {"anger": "愤怒", "fear": "害怕", "joy": "喜悦", "love": "爱情", "sadness": "悲哀"}
CATEGORIES = ["rage", "terror", "ecstasy", "amazement"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("beside"))
    data, rng = made.folder / "data", np.random.default_rng(0)
    write_aipsy(data / "AIPsy", CATEGORIES)
    rows = [(w, rng.uniform(1, 5, 20).round(2)) for w in NAMES.values()]
    write_song(data / "NoRaRe/Song-2026-Emotions/Song-2026-Emotions.tsv", rows)
    no_digest = {"AIPsy", "NoRaRe/Song-2026-Emotions"}
    edit_table(
        made.folder / "config/sources.tsv",
        lambda rows: [r | ({"sha256": "", "download": "false"} if r["folder"] in no_digest else {}) for r in rows],
    )
    edit_table(
        made.folder / "config/human.tsv",
        lambda rows: [
            r | ({"valence_norm": "{results}/world/human/centres_zh.tsv"} if r["dataset"] == "song2026" else {})
            for r in rows
        ],
    )
    steering = made.config["steering"] | {"enabled": False}
    made.set(
        data_dir=str(data),
        validity=["aipsy"],
        profiles="song2026",
        steering=steering,
        specs=[],
        control_models=["llama-untrained-1"],
    )
    tables = [f"results/tiny/tables/{t}.csv" for t in ("validity", "rsa_profiles")]
    _, made.said = made.snakemake(*tables)
    return made


def table(study, name):
    return pd.read_csv(study.path("tables", f"{name}.csv"), keep_default_na=False, na_values=[""])


def test_tables_hold_every_arm_and_control(study):
    found = table(study, "validity")
    assert list(found) == CONTRACTS["validity"].columns and set(found["language"]) == {"en"}
    assert set(found["arm"]) == {"features", "random-features", "shuffled-sets"}
    assert set(found["control"]) == {"none", "untrained", "shuffled-concepts"}
    assert set(found["emotion"]) == {"anger", "fear", "joy", "surprise", "mean"}
    mean = found[(found["emotion"] == "mean") & (found["arm"] == "features") & (found["readout"] == "mean")]
    assert set(mean["n_vignettes"]) == {16} and set(mean["n_emotions"]) == {4}
    assert "validity: aipsy has no vignettes in zh" in study.said


def test_profiles_stand_in_a_table_of_their_own(study):
    found = table(study, "rsa_profiles")
    assert list(found) == CONTRACTS["rsa_profiles"].columns and set(found["reference"]) == {"profiles"}
    assert set(found["language"]) == {"en", "zh"} and set(found["human_language"]) == {"zh"}
    assert {"none", "untrained", "shuffled-norms", "shuffled-concepts"} == set(found["control"])
    names = found[(found["wording"] == "names") & (found["pairs"] == "all")]
    assert set(names["n_emotions"]) == {5} and set(names["n_pairs"]) == {10} and set(names["n_groups"]) == {2}
    assert names["p"][names["representation"] == "sae-space"].between(1 / 2001, 1).all()


def test_every_file_fits_its_contract_and_a_second_run_loads_nothing(study):
    seen, folder = check_study(study.path()), study.path()
    assert {
        "prepare_vignettes",
        "read_vignettes",
        "measure_validity",
        "prepare_profiles",
        "compare_with_profiles",
    } <= set(seen)
    files = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in (".tsv", ".npz")]
    assert [f for f in files if contract_of(f) is None] == []
    read = study.path("features", "gemma2-planted", SAE, "en", "texts", "aipsy.npz")
    kept = read.read_bytes()
    read.unlink()
    study.snakemake(str(read.relative_to(study.folder)))
    assert read.read_bytes() == kept and "model loads: 0" in study.logs("read_vignettes/gemma2-planted")
    texts = read_tsv(study.path("human", "aipsy", "vignettes_en.tsv"))
    assert texts["role"].value_counts().to_dict() == {"vignette": 16, "neutral": 16, "unmatched": 2}
    assert set(EMOTIONS) > {"anger", "fear", "joy", "surprise"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"languages": ["zh"], "profiles": ""}, "key validity names 'aipsy', which has vignettes in en and in none"),
        ({"validity": ["aipsi"]}, "key validity names 'aipsi' .did you mean 'aipsy'.*kind vignettes"),
        ({"profiles": "song"}, "key profiles names 'song'.*allowed: song2026"),
    ],
)
def test_what_no_language_has_is_refused_before_any_job(study, keys, message):
    kept = dict(study.config)
    try:
        study.set(**keys)
        code, text = study.snakemake("-n", check=False)
        assert code != 0 and re.search(message, text), text[-2000:]
    finally:
        study.config = kept
        study.set()
