"""Runs side by side: numbers against bars, reasons, controls counted."""

import json

import pandas as pd
import pytest

from shared_affect.results.contracts import CONTRACTS
from shared_affect.results.many_seeds import BARS, QUANTITIES, control_tests, planted_numbers, report, summarise_run


def run_folder(folder, seed, p_control):
    """A run of one model: two structure tests, one rating, its matched arm not tested, two tests of a control."""
    who = {"model": "llama-planted", "root_seed": seed, "spec": "primary"}
    tables = {
        "rsa": (
            [
                who
                | {
                    "control": "none",
                    "language": "en",
                    "pairs": pairs,
                    "representation": r,
                    "statistic": "rho-a",
                    "rho": rho,
                    "rho_group": rho,
                    "p": 1e-4,
                    "p_adjusted": p,
                    "family": "structure",
                }
                for pairs, r, rho, p in (("all", "sae-all", 0.71, 0.0004), ("within-valence", "sae-all", 0.5, 0.0021))
            ]
            + [
                who
                | {
                    "model": "llama-untrained-1",
                    "control": "untrained",
                    "language": k,
                    "pairs": "all",
                    "representation": "sae-space",
                    "statistic": "rho-a",
                    "rho": 0.1,
                    "rho_group": 0.1,
                    "p": p,
                    "p_adjusted": 2 * p,
                    "family": "structure | untrained",
                }
                for k, p in (("en", p_control), ("zh", 0.6))
            ]
        ),
        "ratings": [
            who
            | {
                "control": "none",
                "language": "en",
                "dimension": "valence",
                "arm": "all",
                "r": 0.9,
                "p": None,
                "p_adjusted": None,
                "family": None,
            }
        ],
        "rating_differences": [
            who
            | {
                "control": "none",
                "language": "en",
                "dimension": "valence",
                "arm_a": "emotion-space",
                "arm_b": "outside-matched",
                "difference": None,
            }
        ],
    }
    (folder / "tables").mkdir(parents=True)
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / f"tables/{name}.csv", index=False)
    one = {
        "model": "llama-planted",
        "language": "en",
        "statistic": "rho",
        "value": 0.5,
        "ci_low": 0.4,
        "ci_high": 0.6,
        "p_adjusted": None,
        "reason": "",
    }
    failed = (
        {"verdict": "fails", "reason": "rejected: structure | untrained (llama-untrained-1, en)"}
        if p_control < 0.005
        else {"verdict": "holds"}
    )
    claims = [
        one | {"id": "structure", "verdict": "holds"},
        one | {"id": "beyond-baselines", "verdict": "inconclusive", "value": -0.0316},
        one
        | {
            "id": "ratings-valence",
            "verdict": "holds",
            "reason": "outside-matched not tested, p decides alone: 47 outside",
        },
        one
        | {
            "id": "empty-untrained",
            "model": "all",
            "language": "all",
            "statistic": "Holm rejections",
            "value": 1.0,
            **failed,
        },
    ]
    (folder / "claims.json").write_text(json.dumps(claims), encoding="utf-8")
    return folder


@pytest.fixture
def runs(tmp_path):
    return [run_folder(tmp_path / "planted-7", 7, 0.001), run_folder(tmp_path / "planted-8", 8, 0.3)]


def test_numbers_are_read_from_the_main_study_alone(runs):
    found = planted_numbers(runs[0]).set_index("quantity")["value"].to_dict()
    assert found["RSA all pairs, sae-all, rho_group"] == 0.71 and found["RSA tests, largest Holm p"] == 0.0021
    assert found["valence r, arm all"] == 0.9 and pd.isna(found["valence r, emotion-space minus outside-matched"])
    assert set(planted_numbers(runs[0])["model"]) == {"llama-planted"}


def test_control_tests_are_those_of_the_controls(runs):
    tests = control_tests(runs[0])
    assert len(tests) == 2 and set(tests["control"]) == {"untrained"} and set(tests["claim"]) == {"structure"}


def test_the_report_says_bars_misses_reasons_and_counts(runs):
    text = report([summarise_run(r) for r in runs])
    assert "| RSA within valence, sae-all, rho_group | en | >= .55 | 0.500 | 0.500 |" in text
    assert (
        "| RSA tests, largest Holm p | en | < .01 | 0.002 | 0.002 |" in text
        and "| valence r, emotion-space minus outside-matched | en | > 0 | – | – |" in text
    )
    assert (
        "| planted-8 | ratings-valence | llama-planted | en | holds | rho | 0.500 | 0.400 | 0.600 | – | outside-matched"
        " not tested, p decides alone: 47 outside |" in text
    )
    assert (
        "| planted-7 | beyond-baselines | llama-planted | en | inconclusive | rho | -0.032 | 0.400 | 0.600 | – |  |"
        in text
        and "| structure | llama-planted" not in text
    )
    assert (
        r"| rejected: structure \| untrained (llama-untrained-1, en) |" in text
        and text.count("| empty-untrained | all |") == 1
    )
    assert "| empty-untrained | 4 | 1 | 2 | 1 | 1 | 2 |" in text
    # the saved p, .001 and .4 in turn, by the rule of now: one family a run, level .01
    assert (
        "of 2 runs fail. A run has 1 families" in text
        and "(0.01): at most one of 2 runs does with probability 1.000" in text
    )


def test_a_saved_run_stands_for_its_folder_also_one_of_an_earlier_version(runs, tmp_path):
    kept = summarise_run(runs[0])
    (tmp_path / "run.json").write_text(json.dumps(kept), encoding="utf-8")
    assert report([summarise_run(tmp_path / "run.json")]) == report([kept])
    kept["verdicts"] = [{k: v[k] for k in ("claim", "verdict")} for v in kept["verdicts"]]
    assert "empty-untrained" in report([kept]) and "do not hold" not in report([kept])


def test_a_run_without_controls_is_reported_as_one(runs):
    for table in ("rsa", "ratings", "shared_features"):
        path = runs[0] / f"tables/{table}.csv"
        if path.exists():
            frame = pd.read_csv(path, keep_default_na=False)
            frame[frame["control"] == "none"].to_csv(path, index=False)
    assert control_tests(runs[0]).empty
    text = report([summarise_run(runs[0])])
    assert "None was run here." in text and "Recovered quantities" in text


def test_two_runs_of_one_root_seed_are_refused(runs):
    with pytest.raises(ValueError, match="planted-7, planted-7: two have the same models and root seed"):
        report([summarise_run(runs[0]), summarise_run(runs[0])])


def test_an_unfinished_run_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"planted-9 holds no claims\.json; needed: the results folder of a finished run"
    ):
        summarise_run(tmp_path / "planted-9")


def test_every_quantity_speaks_the_words_of_its_table():
    for q in QUANTITIES:
        contract = CONTRACTS[q.table]
        assert q.column in contract.values and set(q.where) <= set(contract.key), q.name
        assert all(word in contract.words.get(column, (word,)) for column, word in q.where.items()), q.name
    assert len({q.name for q in QUANTITIES}) == len(QUANTITIES)


def test_every_bar_is_one_of_the_quantities(root):
    kept = json.loads((root / "docs/runs/planted.json").read_text(encoding="utf-8"))
    assert set(BARS) <= {r["quantity"] for r in kept["numbers"]["primary"]}


def test_the_report_says_what_is_planted_and_which_code_made_each_run(runs):
    (runs[0] / "provenance.json").write_text(
        json.dumps(
            {
                "commit": "abcdef0123456789",
                "uncommitted_changes": True,
                "finished": "2026-01-01T00:00:00Z",
                "platform": "Linux",
                "banner": "Planted: all.",
            }
        )
    )
    kept = summarise_run(runs[1])
    del kept["code"]
    text = report([summarise_run(runs[0]), kept])
    assert text.startswith("Planted: all. (planted-7)")
    assert (
        "| planted-7 | abcdef0123, with uncommitted changes | 2026-01-01T00:00:00Z | Linux |" in text
        and "| planted-8 | not recorded | – | – | not in this run |" in text
    )


def test_a_report_is_written_whole_or_not_at_all(runs, tmp_path):
    from shared_affect.results.many_seeds import main

    (tmp_path / "report.md").write_text("as it was")
    with pytest.raises(SystemExit):
        main([str(runs[0]), str(runs[0]), "--out", str(tmp_path / "report.md")])
    assert (tmp_path / "report.md").read_text() == "as it was"
    main([*map(str, runs), "--out", str(tmp_path / "report.md")])
    assert "### Verdicts" in (tmp_path / "report.md").read_text()


def test_the_study_of_many_seeds_steers(root):
    """So that steering can be reported at root seeds that nobody had looked at."""
    import yaml

    settings = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))["steering"] | yaml.safe_load(
        (root / "studies/planted-full.yaml").read_text(encoding="utf-8")
    ).get("steering", {})
    assert settings["enabled"] is True
