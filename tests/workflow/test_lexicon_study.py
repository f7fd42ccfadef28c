"""A study whose concept-sets come from a lexicon, from end to end: every emotion's file holds that emotion.

A lexicon names its emotions in an order of its own. Paired by position with the table's order, twelve of thirteen
emotions once got another one's features and steering vector without a word.
"""

import json

import openpyxl
import pandas as pd
import pytest
from test_study import SAE, Study, edit_table

from shared_affect.steering.vectors import read_vectors

pytestmark = pytest.mark.workflow
HEAD = ["词语", "词性种类", "词义数", "词义序号", "情感分类", "强度", "极性", "辅助情感分类"]
# category of the lexicon -> emotion, in an order that is not the table's
WORDNET = {
    "surprise": "surprise",
    "sadness": "sadness",
    "love": "love",
    "joy": "joy",
    "gratitude": "gratitude",
    "fear": "fear",
    "pride": "pride",
    "hope": "optimism",
}
DUTIR = {
    "surprise": "surprise",
    "sadness": "sadness",
    "love": "love",
    "joy": "joy",
    "fear": "fear",
    "anger": "anger",
    "ease": "relief",
    "disappointment": "disappointment",
}
CODES = {
    "surprise": "PC",
    "sadness": "NB",
    "love": "PB",
    "joy": "PA",
    "fear": "NC",
    "anger": "NA",
    "ease": "PE",
    "disappointment": "NJ",
}


def write_wordnet(folder, words):
    rows = [f"{w}\tNOUN\t{c.title()}\tPositive" for c, own in words.items() for w in own]
    (folder / "wnaffect.tsv").write_text("\n".join(["term\tpos\tcategory\temotion", *rows, ""]))
    entries = "".join(f'<categ name="{c}" isa="root"/>' for c in words)
    (folder / "a-hierarchy.xml").write_text(f'<categ-list><categ name="root"/>{entries}</categ-list>')


def write_dutir(folder, words):
    book = openpyxl.Workbook()
    book.active.append(HEAD)
    for k, own in words.items():
        for w in own:
            book.active.append([w, "noun", 1, 1, CODES[k], 7, 1, None])
    book.save(folder / "情感词汇本体.xlsx")


@pytest.mark.parametrize(
    ("dataset", "folder", "language", "categories", "write"),
    [
        # the same path in the other language: with make test-faults
        pytest.param("wordnet-affect", "WordNet-Affect", "en", WORDNET, write_wordnet, marks=pytest.mark.faults),
        ("dutir", "DUTIR", "zh", DUTIR, write_dutir),
    ],
)
def test_every_emotion_keeps_its_own_features_and_vector(tmp_path, dataset, folder, language, categories, write):
    study = Study(tmp_path / "study")
    words = pd.read_csv(study.folder / f"resources/concepts/{language}.tsv", sep="\t", dtype=str, keep_default_na=False)
    words = words[words["planted"] == "true"]
    sets = {c: words["word"][words["emotion"] == e].tolist() for c, e in categories.items()}
    data = tmp_path / "data" / folder
    data.mkdir(parents=True)
    write(data, sets)
    edit_table(
        study.folder / "config/sources.tsv",
        lambda rows: [r | {"sha256": ""} if r["folder"] == folder else r for r in rows],
    )
    edit_table(study.folder / "config/models.tsv", lambda rows: [r | {"train_tokens": "0"} for r in rows])
    (study.folder / f"resources/categories/{dataset}.tsv").write_text(
        "\n".join(["category\temotion", *(f"{c}\t{e}" for c, e in categories.items()), ""])
    )
    study.set(
        concepts=dataset,
        languages=[language],
        emotions=list(categories.values()),
        data_dir=str(tmp_path / "data"),
        control_models=[],
        control_variants=[],
        specs=[],
        steering=study.config["steering"] | {"strengths": [0.5], "max_new_tokens": 4, "random_directions": 24},
    )
    study.snakemake()
    for category, emotion in categories.items():
        frame = pd.read_csv(study.path("emotion_features", "gemma2-planted", SAE, language, f"{emotion}.tsv"), sep="\t")
        assert set(frame["emotion"]) == {emotion}
        _, facts = read_vectors(study.path("steering", "gemma2-planted", SAE, language, emotion, "vector.safetensors"))
        assert {*facts["words_used"], *facts["words_held_out"]} == set(sets[category]), emotion
    published = pd.read_csv(study.path("tables", "features.csv"))
    assert set(published["emotion"]) == set(categories.values())
    claims = json.loads(study.path("claims.json").read_text(encoding="utf-8"))
    assert {c["verdict"] for c in claims if c["id"] in ("structure", "steering")} <= {"holds", "fails", "inconclusive"}
