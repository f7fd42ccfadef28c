"""Tables of NoRaRe: made-up ones of the same form always, the real ones where there are any."""

import json

import numpy as np
import pandas as pd
import pytest

from shared_affect.base.seeds import rng
from shared_affect.human import agreement, norare
from shared_affect.human.files import AGREEMENT, CONCEPT_RATINGS, NORMS
from shared_affect.human.loaders import load

HEAD = ["CONCEPTICON_ID", "CONCEPTICON_GLOSS", "QUECHUA"]
COLUMNS = ["QUECHUA_VALENCE_MEAN", "QUECHUA_AROUSAL_MEAN_A", "QUECHUA_AROUSAL_MEAN_B"]
TABLE = (
    "\t".join(HEAD + COLUMNS)
    + """
10\tFIREWOOD\tyamta\t0\t3\t5
12\tSUN\tinti\t3\t9\t9
12\tSUN\twillka\t1.5\t5\t7
13\tDAY\tinti\t2\t9\t9
14\tSTONE\trumi\t-3\t\t2
"""
)
SCALES = dict(zip(COLUMNS, [(-3, 3), (1, 9), (1, 9)], strict=True))
ROLES = "role\tcolumn\nword\tQUECHUA\nvalence\tQUECHUA_VALENCE_MEAN\narousal\tQUECHUA_AROUSAL_MEAN_A\n"


def described(scales=None, url="Made-2026.tsv"):
    columns = [{"name": "CONCEPTICON_ID", "datatype": "integer"}, {"name": "CONCEPTICON_GLOSS", "datatype": "string"}]
    columns.append({"name": "QUECHUA", "datatype": "string", "titles": "word"})
    for name, (low, high) in (SCALES if scales is None else scales).items():
        kind = {"base": "decimal", "minimum": low, "maximum": high}
        columns.append({"name": name, "datatype": {k: v for k, v in kind.items() if v is not None}})
    return json.dumps({"tables": [{"tableSchema": {"columns": columns}, "url": url}]})


def files(tmp_path, table=TABLE, metadata=None, roles=ROLES):
    paths = tmp_path / "Made-2026.tsv", tmp_path / "Made-2026.tsv-metadata.json", tmp_path / "made.tsv"
    for path, text in zip(paths, (table, metadata or described(), roles), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_norms_have_one_row_a_word_on_the_scale_that_the_description_declares(tmp_path):
    found = norare.read_norms(*files(tmp_path)).set_index("word")
    NORMS.check(found.reset_index(), "norms")
    # two rows of inti: the mean of 3 and 2 on -3..3; rumi has no arousal
    assert list(found.index) == ["inti", "willka", "yamta"]
    assert found.loc["inti", "valence"] == pytest.approx(2.5 / 3) and found.loc["inti", "arousal"] == 1
    assert found.loc["inti", "valence_m3to3"] == 2.5 and found.loc["inti", "concept"] == "12|13"
    assert found.loc["yamta", "arousal"] == pytest.approx(-0.5) and found.loc["yamta", "arousal_1to9"] == 3
    assert found[["valence_sd", "valence_n", "arousal_sd", "arousal_n"]].isna().all(axis=None)


def test_a_concept_of_several_words_has_their_mean_and_a_word_counts_in_each_of_its_concepts(tmp_path):
    found = norare.read_concepts(*files(tmp_path))
    CONCEPT_RATINGS.check(found, "concepts")
    valence = found[found["dimension"] == "valence"].set_index("concept")
    assert valence.loc["12", "value"] == pytest.approx((1 + 0.5) / 2)
    assert (valence.loc["12", "n_words"], valence.loc["12", "words"]) == (2, "inti|willka")
    assert valence.loc["13", "value"] == pytest.approx(2 / 3) and valence.loc["14", "value"] == -1
    assert set(found.loc[found["dimension"] == "arousal", "concept"]) == {"10", "12", "13"}


def test_groups_of_raters_are_averaged_and_any_role_is_read(tmp_path):
    roles = "role\tcolumn\nword\tQUECHUA\nfear\tQUECHUA_AROUSAL_MEAN_A\nfear\tQUECHUA_AROUSAL_MEAN_B\n"
    found = norare.read_concepts(*files(tmp_path, roles=roles)).set_index("concept")["value"]
    assert found["10"] == pytest.approx((4 - 5) / 4)
    assert "14" not in found.index, "a mean of one group alone is not that of both"
    with pytest.raises(ValueError, match="names no valence, but fear; needed for norms: valence and arousal"):
        norare.read_norms(*files(tmp_path, roles=roles))


def test_the_order_of_rows_and_columns_does_not_matter(tmp_path):
    lines = [line.split("\t") for line in TABLE.splitlines()]
    turned = "\n".join("\t".join(cells[::-1]) for cells in [lines[0], *lines[:0:-1]]) + "\n"
    one, two = (norare.read_norms(*files(tmp_path, table=t)) for t in (TABLE, turned))
    pd.testing.assert_frame_equal(one.drop(columns="concept"), two.drop(columns="concept"))
    assert two.set_index("word").loc["inti", "concept"] == "13|12"


BAD = {
    "another scale": (dict(table=TABLE.replace("\t1.5\t", "\t5\t")), r"line 4.*'willka' is '5'; expected .* -3 to 3"),
    "no scale": (dict(metadata=described(SCALES | {COLUMNS[0]: (None, 3)})), "scale of valence.*never guessed"),
    "scale turned": (dict(metadata=described(SCALES | {COLUMNS[0]: (3, -3)})), "from 3 to -3; expected two numbers"),
    "description of another table": (dict(metadata=described(url="Other.tsv")), "does not describe Made-2026.tsv"),
    "no description": (dict(metadata="{]"), "does not describe Made-2026.tsv; expected the description in CSVW"),
    "undescribed column": (dict(roles=ROLES.replace("MEAN_A", "MEAN")), "'QUECHUA_AROUSAL_MEAN' is not described"),
    "no word": (dict(roles=ROLES.replace("word\t", "wrd\t")), "roles are wrd, valence, arousal; needed: word once"),
    "two scales in a role": (
        dict(
            metadata=described(SCALES | {COLUMNS[2]: (1, 5)}),
            roles=ROLES + "arousal\tQUECHUA_AROUSAL_MEAN_B\n",
        ),
        "scale of arousal is .*the same for all columns",
    ),
    "concept without a number": (dict(table=TABLE.replace("\n13\t", "\n\t")), "CONCEPTICON_ID of 'inti' is ''"),
    "one concept, two names": (dict(table=TABLE.replace("12\tSUN\twillka", "12\tMOON\twillka")), "12 has 2 glosses"),
    "one name, two concepts": (dict(table=TABLE.replace("13\tDAY", "13\tSUN")), r"gloss SUN has 2 numbers \(12, 13\)"),
    "number with a zero": (dict(table=TABLE.replace("\n13\t", "\n013\t")), "line 5.*'inti' is '013'; expected a whole"),
    "number with a fraction": (dict(table=TABLE.replace("\n10\t", "\n10.0\t")), "line 2.*is '10.0'; expected a whole"),
    "number with a power": (dict(table=TABLE.replace("\n10\t", "\n1e1\t")), "line 2.*is '1e1'; expected a whole"),
    "nothing rated": (
        dict(
            table=TABLE.replace("\t0\t3\t5", "\t\t3\t5")
            .replace("\t3\t9\t9", "\t3\t\t9")
            .replace("\t1.5\t5", "\t\t5")
            .replace("\t2\t9\t9", "\t2\t\t9")
        ),
        "Made-2026.tsv: no row has both valence and arousal",
    ),
    "no rating of a role": (
        dict(
            table="\n".join(
                "\t".join([*line.split("\t")[:4], line.split("\t")[4] if not k else "", "1"])
                for k, line in enumerate(TABLE.splitlines())
            )
        ),
        r"Made-2026.tsv: no row has arousal \(QUECHUA_AROUSAL_MEAN_A\); expected a rating",
    ),
    "words of another language": (
        dict(
            table=TABLE.replace("\tQUECHUA\t", "\tAYMARA\t"),
            metadata=described().replace('"QUECHUA"', '"AYMARA"'),
            roles=ROLES.replace("word\tQUECHUA", "word\tAYMARA"),
        ),
        "words are those of 'AYMARA', and 'QUECHUA_VALENCE_MEAN' is rated; expected columns of one language, AYMARA_",
    ),
    "an empty word": (dict(table=TABLE.replace("\trumi\t", "\t\t")), "line 6.*QUECHUA is empty; expected a word"),
    "another script": (dict(table=TABLE.replace("\trumi\t", "\tкамень\t")), "line 6.*'камень'.*in latin script"),
    "no such column": (dict(table=TABLE.replace("MEAN_A", "MEAN_C")), "'QUECHUA_AROUSAL_MEAN_A' is missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_with_words(tmp_path, case):
    change, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        norare.read_norms(*files(tmp_path, **change), script="latin")


def test_words_in_two_forms_of_unicode_are_one_word(tmp_path):
    table = TABLE.replace("SUN\tinti", "SUN\tca\u0301lido").replace("SUN\twillka", "SUN\tc\u00e1lido")
    found = load("concept-ratings", "norare", files(tmp_path, table=table), "latin")
    assert found.set_index(["concept", "dimension"]).loc[("12", "valence"), ["n_words", "words"]].tolist() == [
        1,
        "cálido",
    ]


OWN = "concept\tgloss\tword\tdimension\tvalue\n"


def test_own_ratings_of_concepts_come_in_standard_form(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text(OWN + "10\tSUN\tinti\tfear\t.5\n10\tSUN\twillka\tfear\t0\n11\tSEA\tinti\tjoy\t-1\n")
    found = load("concept-ratings", "standard", [path], "latin")
    CONCEPT_RATINGS.check(found, "own")
    assert found.to_dict("list") == {
        "concept": ["10", "11"],
        "gloss": ["SUN", "SEA"],
        "dimension": ["fear", "joy"],
        "value": [0.25, -1],
        "n_words": [2, 1],
        "words": ["inti|willka", "inti"],
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("10\tSUN\tinti\tfear\t1.5\n", "value of '10' is '1.5'; expected a number from -1 to 1"),
        ("010\tSUN\tinti\tfear\t1\n", "concept of 'inti' is '010'; expected a whole number in plain digits"),
        ("10\tSUN\tinti\tfear\t1\n10\tSUN\tinti\tfear\t1\n", "line 3"),
        ("10\tSUN\tinti\tfear\t1\n10\tSEA\tinti\tjoy\t1\n", r"concept 10 has 2 glosses \(SUN, SEA\)"),
    ],
)
def test_bad_own_ratings_of_concepts_are_refused(tmp_path, rows, message):
    path = tmp_path / "own.tsv"
    path.write_text(OWN + rows)
    with pytest.raises(ValueError, match=message):
        load("concept-ratings", "standard", [path])


# ---- agreement


def rated(values, dimension="valence"):
    return pd.DataFrame({"concept": list(values), "dimension": dimension, "value": list(values.values())})


def two_sets(n=60, r=0.7, seed=0):
    g = np.random.default_rng(seed)
    x = g.normal(size=n)
    y = r * x + np.sqrt(1 - r**2) * g.normal(size=n)
    names = [str(k) for k in range(n)]
    return dict(zip(names, x, strict=True)), dict(zip(names, y, strict=True))


def test_agreement_is_pearson_over_shared_concepts_by_name():
    x, y = two_sets()
    shuffled = {k: y[k] for k in sorted(y, key=lambda k: hash(k + "x")) if k not in ("0", "1")} | {"only here": 9.0}
    (row,) = agreement.agree({("a", "xx"): rated(x), ("b", "yy"): rated(shuffled)}, 0).to_dict("records")
    shared = [k for k in x if k in shuffled]
    from scipy.stats import pearsonr, spearmanr

    u, v = [x[k] for k in shared], [y[k] for k in shared]
    wanted = pearsonr(u, v)
    assert row["r"] == pytest.approx(wanted.statistic) and row["n_concepts"] == 58
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(wanted.confidence_interval()))
    assert row["spearman"] == pytest.approx(spearmanr(u, v).statistic)
    AGREEMENT.check(pd.DataFrame([row]), "agreement")


def test_the_bootstrap_agrees_with_a_naive_loop_and_with_fisher_where_ratings_are_normal():
    x, y = (np.array(list(s.values())) for s in two_sets(n=400))
    low, high = agreement.bootstrap_interval(x, y, np.random.default_rng(3))
    g, draws = np.random.default_rng(3), []
    at = g.integers(400, size=(2000, 400))
    draws = [np.corrcoef(x[i], y[i])[0, 1] for i in at]
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=2e-3)
    assert (low, high) == pytest.approx(agreement.fisher_interval(np.corrcoef(x, y)[0, 1], 400), abs=0.02)


def test_both_intervals_hold_the_truth_as_often_as_they_say():
    hits = np.zeros(2)
    for seed in range(200):
        x, y = (np.array(list(s.values())) for s in two_sets(n=50, seed=seed))
        found = agreement.fisher_interval(np.corrcoef(x, y)[0, 1], 50), agreement.bootstrap_interval(x, y, rng(seed))
        hits += [low <= 0.7 <= high for low, high in found]
    assert np.all(hits / 200 > 0.88) and np.all(hits / 200 <= 1)


def test_a_set_more_changes_no_other_number():
    x, y = two_sets()
    sets = {("a", "xx"): rated(x), ("b", "yy"): rated(y)}
    more = {("c", "zz"): rated(two_sets(seed=5)[1])} | sets | {("d", "yy"): rated(two_sets(seed=6)[0])}
    one, all_ = agreement.agree(sets, 7), agreement.agree(more, 7)
    same = all_[(all_["human_a"] == "a") & (all_["human_b"] == "b")].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, same)
    # b and d are of one language: not compared
    assert len(all_) == 5


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({("a", "xx"): {"1": 0.1, "2": 0.3, "3": 0.2, "4": 0}, ("b", "yy"): {"c1": 1, "c2": 0, "c3": 2, "c4": 3}},
         r"a \(xx\), b \(yy\): 0 concepts of 4 and 4 match in valence \(first: 1, 2, 3; c1, c2, c3\); needed: 4 or"),
        ({("a", "xx"): dict.fromkeys("1234", 0.5), ("b", "yy"): {"1": 1, "2": 0, "3": 2, "4": 3}}, "have one valence"),
        ({("a", "xx"): {"1": 1.0}, ("b", "xx"): {"1": 1.0}}, "all in one language"),
    ],
)  # fmt: skip
def test_sets_that_do_not_meet_are_refused(sets, message):
    with pytest.raises(ValueError, match=message):
        agreement.agree({k: rated(v) for k, v in sets.items()}, 0)


def test_a_set_that_rates_what_no_other_language_does_is_refused():
    x, y = two_sets()
    sets = {("a", "xx"): rated(x), ("b", "yy"): rated(y), ("c", "zz"): rated(x, "happiness")}
    with pytest.raises(ValueError, match=r"c \(zz\) rates happiness, which no set of another language does"):
        agreement.agree(sets, 0)


def test_fisher_needs_four():
    with pytest.raises(ValueError, match="over 3 pairs; needed: 4"):
        agreement.fisher_interval(0.5, 3)
    assert agreement.fisher_interval(1.0, 10) == (1.0, 1.0)


# ---- the published tables

PUBLISHED = {
    ("en", "zh"): (930, ".818", ".611"),
    ("en", "es"): (1238, ".837", ".597"),
    ("en", "de"): (313, ".910", ".698"),
    ("zh", "es"): (643, ".804", ".606"),
}


def concept_rows(root):
    from shared_affect.study.config import read_table

    rows = read_table(root / "config/human.tsv", root / "workflow/schemas/human.yaml")
    return [r for r in rows if r["loader"] == "norare"]


def languages_of(root):
    from shared_affect.study.config import read_table

    rows = read_table(root / "config/languages.tsv", root / "workflow/schemas/languages.yaml")
    return {r["language"]: r for r in rows}


def test_every_language_with_human_data_says_its_script(root):
    assert {r["language"] for r in concept_rows(root)} <= set(languages_of(root))


def test_the_figures_of_people_are_met_to_the_third_decimal(root, published_files):
    sets, languages = {}, languages_of(root)
    for r in (r for r in concept_rows(root) if r["kind"] == "concept-ratings"):
        table, metadata, columns = r["path"].split()
        read = [published_files(*p.removeprefix("{data}/").split("/")) for p in (table, metadata)]
        script = languages[r["language"]]["script"]
        sets[r["dataset"], r["language"]] = norare.read_concepts(*read, root / columns, script=script)
    found = agreement.agree(sets, 0).set_index(["language_a", "language_b", "dimension"])
    for pair, (n, *wanted) in PUBLISHED.items():
        for dimension, value in zip(("valence", "arousal"), wanted, strict=True):
            row = found.loc[(*pair, dimension)]
            assert (row["n_concepts"], f"{row['r']:.3f}"[1:]) == (n, value), (pair, dimension)
    assert len(sets) == 10 and {k for _, k in sets} == {"en", "zh", "es", "de", "nl", "pl", "hr"}


def test_every_row_of_norms_can_be_read(root, published_files):
    for r in (r for r in concept_rows(root) if r["kind"] == "norms"):
        table, metadata, columns = r["path"].split()
        read = [published_files(*p.removeprefix("{data}/").split("/")) for p in (table, metadata)]
        frame = norare.read_norms(*read, root / columns, script=languages_of(root)[r["language"]]["script"])
        NORMS.check(frame, r["dataset"])
        assert len(frame) > 300 and frame["word"].is_unique and "TRUE" not in set(frame["word"])
