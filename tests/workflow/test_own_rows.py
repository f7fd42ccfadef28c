"""A lab's own rows through the workflow: a local model, its untrained twin, texts of one's own, further judges."""

import json
import shutil

import pandas as pd
import pytest
from judges_made import make_classifier
from test_study import EMOTIONS, SAE, Study, edit_table

from shared_affect.results.contracts import CONTRACTS
from shared_affect.tools.files import check_study

pytestmark = pytest.mark.workflow
JUDGES = ["mine", "choice"]


def more(path, *rows):
    """Rows at the end of a table, their empty cells left out."""
    edit_table(path, lambda have: [*have, *({k: r.get(k, "") for k in have[0]} for r in rows)])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The planted model's weights and its texts, given to the workflow as files that a lab has."""
    made = Study(tmp_path_factory.mktemp("own"))
    made.set(study="before")
    made.snakemake("results/before/models/gemma2-planted/config.json", "results/before/world/affect/sae.txt")
    mine = made.folder / "mine"
    shutil.copytree(made.path("models", "gemma2-planted"), mine / "model")
    (mine / "texts").mkdir()
    lines = made.path("world/affect/sae.txt").read_text(encoding="utf-8").splitlines()
    for n, name in enumerate(("first", "second")):
        (mine / f"texts/{name}.txt").write_text("\n".join(filter(None, lines[n::2])) + "\n", encoding="utf-8")
    make_classifier(mine / "classifier")
    tables = made.folder / "config"
    numerics = {"dtype": "float32", "device": "cpu", "attention": "eager", "encoder": "float32", "shards": "1"}
    numerics |= {
        "family": "gemma2",
        "gated": "false",
        "chat": "false",
        "chunk_batch": "64",
        "rows": "192",
        "control": "none",
    }
    more(
        tables / "models.tsv",
        numerics | {"model": "own", "label": "Ours", "source": "local", "path": str(mine / "model")},
        numerics
        | {"model": "own-twin", "label": "Its twin", "source": "untrained-twin", "twin_of": "own"}
        | {"control": "untrained", "path": "{results}/models/own-twin"},
    )
    sae = {"sae": SAE, "layer": "0", "source": "trained", "architecture": "batchtopk", "k": "16", "d_sae": "128"}
    sae |= {"texts": str(mine / "texts"), "train_tokens": "40960"}
    more(tables / "saes.tsv", *(sae | {"model": m, "path": f"{{results}}/saes/{m}/{SAE}"} for m in ("own", "own-twin")))
    judge = {"language": "en", "rows": "64", "licence": "ours"}
    more(
        tables / "judges.tsv",
        judge
        | {"judge": "mine", "label": "A classifier", "kind": "classifier", "labels": "mine", "device": "cpu"}
        | {"path": str(mine / "classifier")},
        judge
        | {"judge": "choice", "label": "Forced choice", "kind": "language-model", "labels": "few", "model": "own"}
        | {"question": "feeling", "calibrated": "true"},
    )
    (made.folder / "resources/judges/mine.tsv").write_text(
        "label\temotion\tbasic\nhappiness\tjoy\tjoy\nfear\tfear\tfear\nlike\tlove\tjoy\nneutral\t\t\n"
    )
    (made.folder / "resources/judges/few.tsv").write_text(
        "label\temotion\tbasic\njoy\tjoy\tjoy\nfear\tfear\tfear\nanger\tanger\tanger\nneutral\t\t\n"
    )
    made.set(
        study="tiny",
        models=["own"],
        control_models=["own-twin"],
        control_variants=["shuffled-concepts"],
        specs=[],
        judges={"en": JUDGES},
    )
    _, made.said = made.snakemake()
    return made


def table(study, name):
    return pd.read_csv(study.path("tables", f"{name}.csv"), keep_default_na=False, na_values=[""])


def test_every_file_fits_its_contract(study):
    seen = check_study(study.path())
    assert {"judge_texts", "score_texts"} <= set(seen)
    for name in ("judges", "judge_agreement", "judge_flips", "steering_baseline"):
        frame = table(study, name)
        assert list(frame) == CONTRACTS[name].columns and len(frame)
    assert "Nothing to be done" in study.snakemake()[1]


def test_further_judges_stand_beside_the_others(study):
    quality, flips, baseline = (table(study, n) for n in ("judges", "judge_flips", "steering_baseline"))
    assert set(quality["judge"]) == {"embedded"}  # no labelled texts of other corpora in this study, which is said:
    assert all(f"Judge {j!r}, language en: no labelled texts" in study.said for j in JUDGES)
    assert set(JUDGES) <= set(flips["judge"]) and set(flips["verdict"]) <= {
        "holds", "fails", "inconclusive", "not-tested",
    }  # fmt: skip
    assert set(JUDGES) <= set(baseline["judge"])
    pairs = table(study, "judge_agreement")
    assert set(JUDGES) <= {*pairs["judge_a"], *pairs["judge_b"]}


def test_the_twin_is_a_control_that_reads_the_same_texts(study):
    rsa = table(study, "rsa")
    twin = rsa[rsa["model"] == "own-twin"]
    assert set(twin["control"]) == {"untrained"} and set(rsa["control"][rsa["model"] == "own"]) == {
        "none", "shuffled-concepts",
    }  # fmt: skip
    facts = [json.loads(study.path("saes", m, SAE, "facts.json").read_text()) for m in ("own", "own-twin")]
    assert facts[0]["texts"] == facts[1]["texts"] and len(facts[0]["texts"]) == 2
    assert all(t["documents"] > 100 for t in facts[0]["texts"].values())
    provenance = json.loads(study.path("provenance.json").read_text(encoding="utf-8"))
    assert {k.split("saes/")[1] for k in provenance["texts_of_saes"]} == {f"own/{SAE}", f"own-twin/{SAE}"}
    folders = (study.folder / "mine/model", study.path("models/own-twin"))
    assert len({(p / "model.safetensors").read_bytes() for p in folders}) == 2
    claims = {c["id"]: c for c in json.loads(study.path("claims.json").read_text(encoding="utf-8"))}
    assert claims["empty-untrained"]["n"] > 0 and set(EMOTIONS) == set(table(study, "features")["emotion"])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda r: r | ({"chat": "true"} if r["model"] == "own" else {}), "chat template"),
        (lambda r: r | ({"twin_of": "nobody"} if r["model"] == "own-twin" else {}), "twin_of"),
    ],
)
def test_rows_that_cannot_be_honoured_are_refused_before_any_job(study, edit, message):
    path = study.folder / "config/models.tsv"
    kept = path.read_bytes()
    try:
        edit_table(path, lambda rows: [edit(r) for r in rows])
        code, text = study.snakemake("-n", "--config", "study=other", "prompts=requests", check=False)
        assert code != 0 and message in text and "Traceback" not in text, text[-2000:]
    finally:
        path.write_bytes(kept)
