"""Data of others through the workflow: real files where there are any, bad ones refused, a third language."""

import functools
import hashlib
import http.server
import os
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_study import EMOTIONS, SAE, Study, edit_table

pytestmark = pytest.mark.workflow
WARRINER = (
    ",Word,V.Mean.Sum,V.SD.Sum,V.Rat.Sum,A.Mean.Sum,A.SD.Sum,A.Rat.Sum\n"
    "1,joy,8.21,1.20,20,5.55,2.50,22\n2,fear,2.1,1.5,19,6.1,2.0,21\n"
)


@pytest.fixture
def study(tmp_path):
    made = Study(tmp_path / "study")
    made.set(
        languages=["en"], emotions="all", control_models=[], control_variants=[], specs=[], force=True
    )  # tests ask one folder for this and that
    return made


def test_real_judgements_and_norms_give_their_ceilings(study, published_files):
    published_files("Warriner2013", "Ratings_Warriner_et_al.csv")
    published_files("ModelEmotion_Li2024", "data.xlsx")
    study.set(
        human="li2024",
        norms="warriner",
        data_dir=os.environ["SHARED_AFFECT_DATA"],
        rsa=study.config["rsa"] | {"pairs": ["all", "within-valence"]},
    )
    study.snakemake("results/tiny/tables/human_ceilings.csv")
    frame = pd.read_csv(study.path("tables", "human_ceilings.csv"))
    assert (
        not frame.duplicated(["human", "pairs", "quantity", "statistic"]).any()
        and set(frame["human_language"]) == {"en"}
        and set(frame["control"]) == {"none"}
    )
    found = frame[frame["statistic"] != "spearman"].set_index(["human", "pairs", "quantity"])
    for key, value, tolerance in (
        (("li2024", "all", "ceiling_low"), 0.7201, 5e-4),
        (("li2024", "all", "ceiling_high"), 0.7293, 5e-4),
        (("li2024", "all", "split_half"), 0.971, 1e-3),
        (("li2024", "all", "ceiling_group"), 0.993, 1e-3),
        (("li2024", "within-valence", "ceiling_low"), 0.5185, 5e-4),
        (("li2024", "within-valence", "ceiling_high"), 0.5372, 5e-4),
        (("li2024", "within-valence", "ceiling_group"), 0.979, 1e-3),
        (("warriner", "words", "reliability_valence"), 0.9120, 5e-4),
        (("warriner", "words", "reliability_arousal"), 0.6904, 5e-4),
        (("warriner", "words", "ceiling_valence"), 0.9550, 5e-4),
        (("warriner", "words", "ceiling_arousal"), 0.8309, 5e-4),
    ):
        assert found.loc[key, "value"] == pytest.approx(value, abs=tolerance), key
    assert (
        found.loc[("li2024", "all", "ceiling_low"), ["n", "n_raters"]].tolist() == [27, 61]
        and found.loc[("li2024", "within-valence", "ceiling_low"), "n"] == 26
    )
    # a Chinese space is compared with the same people: their ceilings stand once
    study.set(languages=["en", "zh"], norms="warriner-cvaw")
    study.snakemake("results/tiny/tables/human_ceilings.csv")
    again = pd.read_csv(study.path("tables", "human_ceilings.csv"))
    assert (again["human"] == "li2024").sum() == (frame["human"] == "li2024").sum() and (
        again["human"] == "warriner-cvaw"
    ).sum() == 4


def test_every_other_dataset_at_hand_is_prepared(study, published_files):
    published_files("DUTIR", "情感词汇本体.xlsx")
    study.set(data_dir=os.environ["SHARED_AFFECT_DATA"])
    targets = [
        f"results/tiny/human/{t}.tsv"
        for t in (
            "usf/association_en",
            "wordnet-affect/lexicon_en",
            "dutir/lexicon_zh",
            "brysbaert/concreteness_en",
            "li2024/attributes_en",
            "clue-emotion/labelled-text_zh",
            "brighter/labelled-text_en",
        )
    ]
    study.snakemake(*targets)
    lines = {t: len(pd.read_csv(study.folder / t, sep="\t", keep_default_na=False)) for t in targets}
    assert list(lines.values()) == [72176, 1641, 27466, 39954, 378, 7933, 9262]


def test_bad_files_stop_before_anything_is_made(study, tmp_path):
    folder = tmp_path / "data" / "Warriner2013"
    folder.mkdir(parents=True)
    file, target = folder / "Ratings_Warriner_et_al.csv", "results/tiny/human/warriner/norms_en.tsv"
    study.set(norms="warriner", data_dir=str(tmp_path / "data"))
    for content, message in (
        ("<html><body>404</body></html>", "web page"),
        ("", "is empty"),
        (WARRINER.replace("V.SD.Sum", "SD"), "column 'V.SD.Sum' is missing"),
        (WARRINER.replace("8.21", "82.1"), "line 2: V.Mean.Sum of 'joy' is '82.1'"),
        (WARRINER, "sha256"),
    ):
        file.write_text(content, encoding="utf-8")
        code, text = study.snakemake(target, check=False)
        assert code != 0 and message in text and "Warriner2013/Ratings_Warriner_et_al.csv" in text
        assert not (study.folder / target).exists()
    # another edition is taken once its row says so
    edit_table(
        study.folder / "config/sources.tsv",
        lambda rows: [r | {"sha256": ""} if r["folder"] == "Warriner2013" else r for r in rows],
    )
    study.snakemake(target)
    assert pd.read_csv(study.folder / target, sep="\t")["word"].tolist() == ["fear", "joy"]


def test_what_may_not_be_downloaded_says_where_to_get_it(study):
    study.set(languages=["zh"], norms="xu2022")
    code, text = study.snakemake(check=False)
    assert (
        code != 0
        and "Xu2022/13428_2021_1607_MOESM1_ESM.csv is needed and is not downloaded" in text
        and "set data_dir" in text
    )
    assert not (study.folder / "results").exists()  # before any job
    planned = study.snakemake("-n")[1]  # a dry run says it and plans on
    assert "Lacking: Xu2022/13428_2021_1607_MOESM1_ESM.csv" in planned and "prepare_norms" in planned
    study.set(languages=["en"], norms="warriner")
    planned = study.snakemake("-n")[1]
    assert "retrieve_data" in planned and "resources/retrieved/data/Warriner2013/Ratings_Warriner_et_al.csv" in planned
    assert study.snakemake("-n", "resources/retrieved/data/DUTIR/情感词汇本体.xlsx", check=False)[0] != 0


def test_a_download_is_checked_and_then_read(study, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "norms.csv").write_text(WARRINER)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    retrieved, target = (
        study.folder / "resources/retrieved/data/Warriner2013",
        "results/tiny/human/warriner/norms_en.tsv",
    )

    def point(digest):
        change = {"url": f"http://127.0.0.1:{server.server_port}/norms.csv", "sha256": digest}
        edit_table(
            study.folder / "config/sources.tsv",
            lambda rows: [r | change if r["folder"] == "Warriner2013" else r for r in rows],
        )

    try:
        point("0" * 64)
        code, text = study.snakemake(target, check=False)
        assert (
            code != 0
            and "Nothing is kept" in text
            and not list(retrieved.glob("*"))
            and not (study.folder / target).exists()
        )
        point(hashlib.sha256(WARRINER.encode()).hexdigest())
        study.snakemake(target)
    finally:
        server.shutdown()
    assert (retrieved / "Ratings_Warriner_et_al.csv").read_text() == WARRINER
    assert pd.read_csv(study.folder / target, sep="\t")["word"].tolist() == ["fear", "joy"]
    assert "Nothing to be done" in study.snakemake(target)[1]


def made_up_language(folder: Path, emotions, words_each=6, n_rated=60):
    """A language that no model here has read: invented words, ratings and raters; it shows that the path is open,
    nothing else.
    """
    g = np.random.default_rng(5)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = list(dict.fromkeys("".join(g.choice(syllables, 3)) for _ in range(400)))
    sets = {e: words[k * words_each : (k + 1) * words_each] for k, e in enumerate(emotions)}
    rated = words[len(emotions) * words_each :][:n_rated]
    made = folder / "made-up"
    made.mkdir()
    centres = pd.DataFrame(
        {
            "emotion": emotions,
            "valence": np.tile([-0.8, -0.4, 0.4, 0.8], 8)[: len(emotions)],
            "arousal": g.uniform(-1, 1, len(emotions)),
        }
    )
    centres.to_csv(made / "affect.tsv", sep="\t", index=False)
    pairs = [(a, b) for i, a in enumerate(emotions) for b in emotions[i + 1 :]]
    pd.DataFrame(
        [
            {"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity_1to9": g.integers(1, 10)}
            for r in "xyz"
            for a, b in pairs
        ]
    ).to_csv(made / "judgements.tsv", sep="\t", index=False)
    norms = {"word": [*rated, *(w for s in sets.values() for w in s)]}
    norms |= {
        f"{d}{c}": v
        for d in ("valence", "arousal")
        for c, v in (("", g.uniform(-1, 1, len(norms["word"]))), ("_sd", 0.2), ("_n", 20))
    }
    pd.DataFrame(norms).to_csv(made / "norms.tsv", sep="\t", index=False)
    concepts = [
        {"emotion": e, "word": w, "pos": "n", "planted": "false", "source": "made-up"}
        for e, s in sets.items()
        for w in s
    ]
    pd.DataFrame(concepts).to_csv(folder / "resources/concepts/qx.tsv", sep="\t", index=False)
    templates = pd.read_csv(folder / "resources/templates/en.tsv", sep="\t", dtype=str)
    templates.assign(text=templates["text"].str.replace("the word is", "mo lu")).to_csv(
        folder / "resources/templates/qx.tsv", sep="\t", index=False
    )
    edit_table(
        folder / "config/languages.tsv",
        lambda rows: [
            *rows,
            {"language": "qx", "name": "Made-up", "script": "latin", "splitter": "", "lemma_rule": "none"}
            | {"labels": "", "max_broken_share": "0.5"},
        ],
    )
    blank = dict.fromkeys(("valence_norm", "valence_split", "coordinates", "citation"), "") | {
        "dataset": "made-up",
        "language": "qx",
        "human_language": "qx",
        "loader": "standard",
        "raters": "nobody",
        "licence": "made up in a test",
        "note": "numbers mean nothing",
    }
    edit_table(
        folder / "config/human.tsv",
        lambda rows: [
            *rows,
            blank | {"kind": "norms", "path": "made-up/norms.tsv"},
            blank
            | {
                "kind": "judgements",
                "path": "made-up/judgements.tsv",
                "valence_norm": "made-up/affect.tsv",
                "valence_split": "0",
            },
        ],
    )
    texts = folder / "results/tiny/world/affect"
    texts.mkdir(parents=True)
    for name in ("fidelity", "neutral"):
        (texts / f"{name}_qx.txt").write_text("\n".join(" ".join(g.choice(words, 12)) + "." for _ in range(40)) + "\n")
    return sets, rated


def test_a_third_language_needs_rows_and_tables_only(study):
    study.set(
        languages=["qx"],
        emotions=EMOTIONS,
        human="made-up",
        norms="made-up",
        steering=study.config["steering"] | {"enabled": False},
    )
    sets, rated = made_up_language(study.folder, EMOTIONS)
    study.snakemake()
    for name in ("rsa", "ratings", "human_ceilings", "dimensions", "features", "reproducibility", "sae_fidelity"):
        frame = pd.read_csv(study.path("tables", f"{name}.csv"), keep_default_na=False, na_values=[""])
        assert len(frame) and set(frame["human_language" if name == "human_ceilings" else "language"]) == {"qx"}, name
    ratings = pd.read_csv(study.path("tables", "ratings.csv"))
    assert set(ratings["n_words"]) == {len(rated)} and ratings["ceiling"].notna().all()
    features = pd.read_csv(study.path("tables", "features.csv"))
    assert set(features["emotion"]) == set(sets)
    assert (
        study.path("emotion_features", "gemma2-planted", SAE, "qx", "joy.tsv").exists()
        and study.path("figures", "figure1.pdf").stat().st_size > 5000
    )
