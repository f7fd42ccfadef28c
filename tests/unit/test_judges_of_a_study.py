"""Which judges a study has, what they are made of, and what is refused before any job."""

import copy
import json
import shutil

import pytest
import yaml

from shared_affect.planning import judges, looks
from shared_affect.planning.checkout import Checkout
from shared_affect.planning.plan import read_study
from shared_affect.study import folder
from shared_affect.study.config import ConfigError

REAL = {
    "running_texts": "authored",
    "concepts": "table",
    "judge_texts": {"en": "goemotions", "zh": "clue-emotion"},
}


@pytest.fixture(scope="module")
def parts(root):
    checkout = Checkout(
        root / "config",
        root / "workflow/schemas",
        root / "resources",
        root / "workflow/scripts",
        root / "src/shared_affect",
    )
    return yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8")), checkout, checkout.read_tables()


@pytest.fixture
def make(parts, root):
    def one(rows=(), resources=None, **changes):
        config, checkout, tables = parts
        tables = copy.deepcopy(tables)
        columns = dict.fromkeys(tables["judges"][0])
        tables["judges"] += [columns | {"label": "x", "licence": "", "note": ""} | r for r in rows]
        study = read_study(config | changes, checkout, tables)
        # as jobs name it, from the repository's folder
        return type(study)(study.config, tables, study.emotions, checkout, str(resources or root / "resources"))

    return one


def test_the_default_study_has_the_judge_that_it_always_had(make, root):
    study = make()
    assert study.judges.all == [("embedded", "en"), ("embedded", "zh")] and study.judges.apart("en") == []
    assert study.judges.texts("embedded", "en") == "results/planted/world/affect/judge_en.tsv"
    assert study.judges.corpora("embedded", "en") == [] and study.judges.label_map("embedded", "en") is None
    assert study.judges.embedded("zh") == [f"results/planted/judges/embedded/zh.{e}" for e in ("npz", "json")]
    assert list(study.grid.files("judges")) == [
        f"results/planted/judges/embedded/{k}/held-out.tsv" for k in ("en", "zh")
    ]
    off = make(steering=study.config["steering"] | {"enabled": False}, judges={"en": ["brighter"]})
    assert off.judges.all == []


def test_a_judge_without_texts_to_test_it_on_is_named(make):
    (said,) = (s for s in make(judges={"en": ["qwen3-choice"]}).left_out() if "Judge" in s)
    assert "'qwen3-choice', language en" in said and "judge_tests.en" in said
    tested = make(judges={"en": ["qwen3-choice"]}, judge_tests={"en": ["brighter"]})
    assert not [s for s in tested.left_out() if "Judge" in s]


def test_judges_by_language_and_the_texts_that_they_are_tested_on(make):
    study = make(
        **REAL, judges={"en": ["brighter", "qwen3-choice"], "zh": ["brighter"]}, judge_tests={"zh": ["brighter"]}
    )
    own = study.judges
    assert own.named("en") == ["embedded", "brighter", "qwen3-choice"] and own.apart("zh") == ["brighter"]
    assert own.corpora("embedded", "en") == ["brighter"] and own.corpora("brighter", "en") == ["goemotions"]
    assert own.corpora("qwen3-choice", "en") == ["goemotions", "brighter"]
    assert own.corpora("brighter", "zh") == ["clue-emotion"]
    files = study.grid.files("judges")
    assert files["results/planted/judges/qwen3-choice/en/brighter.tsv"]["judge"] == "qwen3-choice"
    assert len(files) == 2 + 2 + 2 + 2 + 2
    assert own.models == ["qwen3-1.7b"] and study.hub_models == ["qwen3-1.7b"]
    how = own.how("qwen3-choice", "en")
    assert how["question"] == "feeling" and how["calibrated"] and how["numerics"]["dtype"] == "bfloat16"
    assert own.gpu("qwen3-choice", "en") == 1 and own.gpu("brighter", "en") == 0
    assert own.files("qwen3-choice", "en")["folder"] == "resources/retrieved/models/qwen3-1.7b/config.json".replace(
        "resources", study.inputs, 1
    )
    looks.judges.look(study)
    looks.look_at_data(study)


def test_what_a_judge_knows_of_the_texts_that_it_is_tested_on_is_said(make, parts):
    """A classifier of others may have learned from them: its row says so, and where it says nothing nobody knows."""
    own = [
        LOCAL | {"judge": name, "learned": told} for name, told in (("told", "clue-emotion brighter"), ("no", "none"))
    ]
    study = make(own, **REAL, judges={"en": ["told", "no", "brighter", "roberta-goemotions", "qwen3-choice"]}).judges
    asked = {
        (j, c): study.tested_on(j, "en", c)
        for j in study.named("en")
        for c in study.corpora(j, "en")
    }  # fmt: skip
    assert asked == {
        ("embedded", "brighter"): "unseen",
        ("told", "goemotions"): "unseen",
        ("told", "brighter"): "seen",
        ("no", "goemotions"): "unseen",
        ("no", "brighter"): "unseen",
        ("brighter", "goemotions"): "unseen",
        ("roberta-goemotions", "goemotions"): "seen",
        ("roberta-goemotions", "brighter"): "unseen",
        ("qwen3-choice", "goemotions"): "unknown",
        ("qwen3-choice", "brighter"): "unknown",
    }


def test_a_language_may_have_other_judges_than_labelled_texts_alone(make):
    one = make(**REAL | {"judge_texts": {"en": "goemotions"}}, judges={"zh": ["qwen3-choice"]})
    assert one.judges.named("zh") == ["qwen3-choice"] and one.judges.embedded("zh") == []
    assert one.needs.sizes.judged("zh") == 0
    looks.judges.look(one)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"judges": {"en": ["brigher"]}},
            r"key judges.en names 'brigher' \(did you mean 'brighter'\?\); allowed: goem",
        ),
        (
            {"judges": {"zh": ["roberta-goemotions"]}},
            r"key judges.zh names 'roberta-goemotions' .*; allowed: clue-emotion",
        ),
        ({"judges": {"de": ["brighter"]}}, r"key judges has the language 'de'; allowed: en, zh"),
        ({"judges": {"en": ["brighter", "brighter"]}}, "twice"),
        (
            {"judge_tests": {"en": ["clue-emotion"]}},
            r"key judge_tests.en names 'clue-emotion' .*; allowed: goemotions, br",
        ),
        (
            REAL | {"judge_texts": {"en": "goemotions"}},
            r"key judge_texts.zh is None; allowed: clue-emotion, brighter .* name a judge of another kind",
        ),
    ],
)
def test_names_without_a_row_are_refused(make, changes, message):
    with pytest.raises(ConfigError, match=message):
        make(**changes)


LOCAL = {"judge": "own", "language": "en", "kind": "classifier", "path": "{models_dir}/c", "labels": "goemotions"}
LOCAL |= {"device": "cpu", "rows": 8}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (LOCAL | {"device": None}, "row own en: column device is empty; needed where kind is classifier"),
        (
            LOCAL | {"model": "qwen3-1.7b"},
            r"column model is 'qwen3-1.7b'; allowed where kind is classifier and id is em",
        ),
        (LOCAL | {"revision": "main"}, "column revision is 'main'; allowed where kind is classifier and id is empty"),
        (
            LOCAL | {"id": "a/b"},
            r"column path is '{models_dir}/c'; allowed where id is given: {retrieved}/judges/own/en",
        ),
        (
            LOCAL | {"learned": "brighter goemotion"},
            r"own en: column learned names 'goemotion' \(did you mean 'goemotions'\?\); allowed: .*none alone; empty",
        ),
        (LOCAL | {"learned": "none brighter"}, "column learned names 'none'"),
        (
            {"judge": "own", "language": "en", "kind": "embedded", "texts": "brighter", "learned": "brighter"},
            "column learned is 'brighter'; allowed where kind is embedded",
        ),
        (LOCAL | {"judge": "lexicon"}, "column judge is 'lexicon', a judge of every study"),
        ({"judge": "own", "language": "en", "kind": "embedded", "texts": "cvaw"}, "names 'cvaw'; allowed: goemotions"),
        (
            {"judge": "own", "language": "en", "kind": "language-model", "labels": "choice-en", "model": "qwen"}
            | {"question": "feeling", "calibrated": True, "rows": 8},
            "column model is 'qwen'",
        ),
    ],
)
def test_rows_that_do_not_fit_their_kind_are_refused(make, row, message):
    with pytest.raises(ConfigError, match=message):
        make([row], judges={"en": [row["judge"]]})


def test_a_classifier_whose_labels_do_not_map_is_refused_before_any_job(make, tmp_path):
    made = tmp_path / "c"
    made.mkdir()
    for name in ("tokenizer.json", "model.safetensors"):
        (made / name).write_text("{}")
    config = {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "joy", "1": "LABEL_1"}}
    (made / "config.json").write_text(json.dumps(config))
    study = make([LOCAL], judges={"en": ["own"]}, models_dir=str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"judges/goemotions.tsv: label 'LABEL_1' is in the classifier .* found: LABEL_1"
    ):
        looks.judges.look(study)
    (made / "config.json").write_text(json.dumps(config | {"id2label": {"0": "joy", "1": "fear"}}))
    looks.judges.look(study)
    assert set(study.judges.how("own", "en")["changed"]) == {"config.json", "tokenizer.json", "model.safetensors"}
    assert study.needs.need("judge_texts", {"judge": "own", "language": "en", "model": "gemma2-planted"}).ram > 1e9
    shutil.rmtree(made)
    with pytest.raises(ConfigError, match=r"c/config.json does not exist; .*config/judges.tsv, row own en"):
        looks.judges.look(study)


def test_tables_that_are_missing_or_empty_of_the_study_are_refused(make, root, tmp_path):
    resources = tmp_path / "resources"
    shutil.copytree(root / "resources/judges", resources / "judges")
    shutil.copytree(root / "resources/questions", resources / "questions")
    study = make(**REAL, judges={"en": ["qwen3-choice"]}, resources=resources)
    looks.judges.look(study)
    (resources / "questions/en.tsv").unlink()
    with pytest.raises(ConfigError, match=r"questions/en.tsv does not exist: it holds the questions .*'en'"):
        looks.judges.look(study)
    few = make(
        **REAL, emotions=["pride", "relief", "remorse", "grief"], judges={"en": ["brighter"]}, resources=resources
    )
    with pytest.raises(
        ConfigError, match=r"brighter.tsv: none of its labels stands for an emotion of the study; found: ang"
    ):
        looks.judges.look(few)
    (resources / "judges/brighter.tsv").unlink()
    with pytest.raises(ConfigError, match=r"brighter.tsv does not exist: it says which emotions .* 'embedded'"):
        looks.judges.look(make(**REAL, judges={"en": ["brighter"]}, resources=resources))


@pytest.mark.parametrize("judge", ["qwen3-choice", "brighter", "roberta-goemotions"])
def test_every_kind_says_what_its_jobs_take(make, judge):
    study = make(**REAL, judges={"en": [judge]})
    at = {"judge": judge, "language": "en", "model": "gemma2-planted", "sae": "b0-btk", "corpus": "goemotions"}
    for rule in ("judge_texts", "assess_judge"):
        need = study.needs.need(rule, at)
        if judge == "roberta-goemotions":
            assert need.vram > 1e9 and 1e9 < need.ram < 4e9  # by its published size (resources/shapes/judges.tsv)
        elif judge == "brighter":
            assert need.vram == 0 and 3e8 < need.ram < 4e9
        else:
            assert need.vram > 3e9 and need.seconds > 10
    assert study.judges.fetched == ([(judge, "en")] if judge == "roberta-goemotions" else [])


def test_judges_may_be_added_to_a_study_but_not_exchanged(make, parts):
    def settings(**changes):
        study = make(**REAL, **changes)
        return looks.settings_of(study)

    sections = parts[1].sections
    one, two = (
        settings(judges={"en": ["brighter"]}),
        settings(judges={"en": ["brighter", "goemotions"], "zh": ["brighter"]}),
    )
    assert folder.differences(one, two, sections) == []
    assert [w for w, _, _ in folder.differences(two, one, sections)] == ["key judges"]
    turned = settings(judges={"en": ["goemotions", "brighter"]})
    assert [w for w, _, _ in folder.differences(one, turned, sections)] == ["key judges"]
    assert one["tables"]["judges"]["brighter en"]["texts"] == "brighter"
    assert "labelled-text brighter en" in one["tables"]["human"]


def test_where_a_row_stands_is_said():
    assert judges.where({"judge": "x", "language": "en"}) == "config/judges.tsv, row x en"
