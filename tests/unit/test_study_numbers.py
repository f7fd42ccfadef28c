"""One study's numbers in Markdown: every published number once, at its place in the page."""

import json
import sys

import pandas as pd
import pytest

from shared_affect.results import study_numbers
from shared_affect.results.study_numbers import MARK, VIEWS, View, main, numbers

RSA = {
    "control": "none",
    "spec": "primary",
    "root_seed": 0,
    "model": "m",
    "sae": "s",
    "language": "en",
    "human": "li2024",
    "human_language": "en",
    "representation": "sae-space",
    "pairs": "all",
    "statistic": "rho-a",
    "rho": 0.2164,
    "ci_low": 0.1,
    "ci_high": 0.31,
}
CLAIM = {
    "id": "structure",
    "model": "m",
    "sae": "s",
    "language": "en",
    "statement": "The space is congruent.",
    "statistic": "rho-a",
    "value": 0.2164,
    "ci_low": 0.1,
    "ci_high": 0.31,
    "p": 0.002,
    "p_adjusted": 0.004,
    "verdict": "holds",
    "reason": "",
}


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    (folder / "tables").mkdir(parents=True)
    empty = CLAIM | {"id": "empty-norms", "model": "all", "language": "all", "ci_low": None, "ci_high": None}
    (folder / "claims.json").write_text(json.dumps([CLAIM, CLAIM | {"language": "zh", "verdict": "fails"}, empty]))
    (folder / "provenance.json").write_text(json.dumps({"banner": "", "commit": "a" * 40}))
    rows = [
        RSA,
        RSA | {"language": "zh", "rho": 0.518},
        RSA | {"representation": "static", "rho": 0.401},
        RSA | {"statistic": "spearman", "rho": 0.999},
        RSA | {"control": "shuffled-concepts", "spec": "shuffled-concepts", "rho": -0.011},
        RSA | {"spec": "usf-concepts", "rho": 0.777},
    ]
    pd.DataFrame(rows).to_csv(folder / "tables/rsa.csv", index=False)
    return folder


def test_a_page_holds_what_the_tables_hold_and_nothing_else(study, monkeypatch):
    monkeypatch.setattr(study_numbers, "control_tests", lambda folder: pd.DataFrame())
    text = numbers(study)
    assert "| en | all | sae-space | 0.216 (0.100 to 0.310) | 0.518 (0.100 to 0.310) |" in text
    assert "| en | all | static | 0.401 (0.100 to 0.310) | – |" in text
    assert "(shuffled-concepts)" in text and "-0.011" in text
    assert "0.999" not in text and "0.777" not in text  # the other statistic, and another specification
    assert "| structure | m | zh | fails | 0.216 | 0.100 to 0.310 | 0.004 |  |" in text
    assert "1 of 2 tested verdicts hold (1 fail)" in text and "Code: commit aaaaaaaaaa" in text


def test_two_rows_for_one_place_are_an_error(study, monkeypatch):
    monkeypatch.setattr(study_numbers, "control_tests", lambda folder: pd.DataFrame())
    monkeypatch.setattr(study_numbers, "VIEWS", (View("x", "", "rsa", ("pairs",), "rho"),))
    with pytest.raises(ValueError, match="table rsa has several rows for one of pairs, model, language"):
        numbers(study)


def test_numbers_take_their_place_in_a_page_behind_what_people_wrote(study, tmp_path, monkeypatch):
    monkeypatch.setattr(study_numbers, "control_tests", lambda folder: pd.DataFrame())
    monkeypatch.setattr(study_numbers, "check_folder", lambda folder: None)
    page = tmp_path / "page.md"
    page.write_text(f"# Ours\n\n{MARK}\n\nold numbers\n", encoding="utf-8")
    for _ in range(2):
        main([str(study), "--out", str(page)])
        text = page.read_text(encoding="utf-8")
        assert text == f"# Ours\n\n{MARK}\n\n{numbers(study)}"
    page.write_text("no mark\n")
    monkeypatch.setattr(sys, "argv", [""])
    with pytest.raises(SystemExit, match="has no line <!-- numbers -->"):
        main([str(study), "--out", str(page)])
    with pytest.raises(SystemExit, match=r"holds no claims\.json"):
        main([str(tmp_path)])


def test_every_view_is_of_a_published_table_and_its_columns():
    from shared_affect.results.contracts import CONTRACTS

    for view in VIEWS:
        columns = CONTRACTS[view.table].columns
        assert {*view.rows, *view.across, view.value, *view.where} <= set(columns), view.title
        # a key column that a view does not tell apart would make two rows of one place, seen when a study has ended
        alone = {"control", "spec", "root_seed", "sae", "human", "norms"} | {
            c for c, words in view.where.items() if len(words) == 1
        }
        assert set(CONTRACTS[view.table].key) <= alone | {*view.rows, *view.across}, view.title


def test_words_are_shown_as_they_are(study, monkeypatch):
    monkeypatch.setattr(study_numbers, "control_tests", lambda folder: pd.DataFrame())
    row = {k: RSA[k] for k in ("control", "spec", "root_seed", "model", "sae", "language")}
    rows = [
        row | {"claim": "steering", "judge": j, "verdict": v, "random_rate": 0.1}
        for j, v in (("a", "holds"), ("b", "fails"))
    ]
    pd.DataFrame(rows).to_csv(study / "tables/judge_flips.csv", index=False)
    text = numbers(study)
    assert "| steering | a | holds |" in text and "| steering | b | fails |" in text
