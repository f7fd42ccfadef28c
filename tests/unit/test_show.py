"""What came out is counted from the claims, whatever they say; what is planted is said whatever it is called."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from shared_affect.results import show
from shared_affect.study.banners import WHOLE, banner
from shared_affect.study.provenance import describe_run

BASE = {"model": "m", "language": "en"}


def claims(*verdicts, **controls):
    own = [BASE | {"id": f"claim-{k}", "verdict": v} for k, v in enumerate(verdicts)]
    return own + [{"id": f"empty-{k}", "model": "all", "language": "all", "verdict": v} for k, v in controls.items()]


def test_sentences_follow_the_verdicts():
    text = "\n".join(
        show.sentences(claims("holds", "holds", "fails", "inconclusive", "not-tested", norms="holds", world="holds"))
    )
    assert "2 of 4 tested verdicts hold (1 fail, 1 inconclusive, 1 not tested), on 5 claims" in text
    assert "Fails: claim-2 m en." in text and "Negative controls: 2 of 2 come back empty." in text
    text = "\n".join(show.sentences(claims("holds", norms="fails", world="holds", concepts="not-tested")))
    assert (
        "1 of 1 tested verdicts hold, on 1 claims" in text
        and "1 of 2 come back empty; fail: empty-norms; 1 not run." in text
        and "Fails" not in text
    )
    assert "none was run" in "\n".join(show.sentences(claims("holds")))
    assert "0 of 0 tested verdicts hold (1 not tested)" in "\n".join(
        show.sentences(claims("not-tested", norms="not-tested"))
    )


def finished(folder, provenance):
    folder.mkdir()
    (folder / "claims.json").write_text(json.dumps(claims("holds", "fails", norms="fails")))
    (folder / "claims.html").write_text("x")
    (folder / "provenance.json").write_text(
        json.dumps(provenance | {"outputs": {"claims.html": show.digest_of_output(folder / "claims.html")}})
    )
    return folder


def test_the_terminal_shows_counts_code_and_places(tmp_path):
    folder = finished(
        tmp_path / "mine",
        {
            "commit": "a" * 40,
            "uncommitted_changes": True,
            "changed_files": ["src/x.py"],
            "banner": "Planted (simulated): models m.",
        },
    )
    text = show.terminal(folder)
    assert (
        "Planted (simulated): models m." in text
        and "1 of 2 tested verdicts hold" in text
        and "fail: empty-norms" in text
    )
    assert (
        "commit aaaaaaaaaa with uncommitted changes (src/x.py): no commit names it" in text
        and f"{folder / 'claims.html'}" in text
        and "report.html" not in text
    )
    assert "Made or changed after" not in text
    (folder / "report.html").write_text("x")
    assert "OLDER" not in show.terminal(folder)
    os.utime(folder / "report.html", (1, 1))
    assert "report.html  OLDER than the claims: snakemake --report" in " ".join(show.terminal(folder).split(" "))
    (folder / "claims.html").write_text("drawn by later code")
    assert "Made or changed after that was written: claims.html" in show.terminal(folder)


def test_the_first_screen_is_escaped(tmp_path):
    text = show.rst([BASE | {"id": "x_y", "verdict": "fails"}], {"banner": "a | {{ b }} *c*", "commit": None})
    assert r"a \| \{\{ b \}\} \*c\*" in text and r"x\_y" in text and "no git checkout" in text


@pytest.mark.parametrize("module", ["show", "many_seeds", "tools.bench"])
def test_help_is_help_and_runs_nothing(tmp_path, module):
    done = subprocess.run(
        [sys.executable, "-m", f"shared_affect.{module}", "--help"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0 and "usage:" in done.stdout and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nowhere"], "nowhere holds no claims.json"),
        (["show"], "required: FOLDER"),
        (["tools.bench", "rsa", "speed"], "benchmark 'speed'; allowed: extraction, rsa"),
        (["tools.bench", "--out", "x"], "usage:"),
        (["many_seeds", "nowhere"], "nowhere holds no claims.json"),
        (["tools.bench"], "required: NAME"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line_and_write_nothing(tmp_path, arguments, said):
    done = subprocess.run(
        [sys.executable, "-m", f"shared_affect.{arguments[0]}", *arguments[1:]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode and said in done.stderr and "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []


def human(judgements="planted", norms="planted", **more):
    return [
        {"kind": "judgements", "raters": judgements, "path": "x", "valence_norm": None} | more,
        {"kind": "norms", "raters": norms, "path": "y", "valence_norm": None},
    ]


def test_a_banner_names_what_is_planted():
    trained, real = {"a": "trained", "b": "trained"}, {"c": "hub"}
    assert banner(human(), trained, {"n": "trained"}, ["running texts"]) == WHOLE
    assert banner(human("61 people", "many"), real) == ""
    said = banner(human(), real)
    assert said == "Planted (simulated): judgements; word ratings. What rests on them says nothing about people."
    assert (
        banner(human("61 people"), real)
        == "Planted (simulated): word ratings. What rests on them says nothing about people."
    )
    said = banner(human("61 people", "many"), trained)
    assert "all models that make claims" in said and "any public language model" in said and "people" not in said
    assert "models a, b." in banner(human("61 people", "many"), trained | real) and "control models n" in banner(
        human("p", "q"), real, {"n": "trained"}
    )
    assert (
        banner(human("p", "q"), real, {}, ["training texts of the judge"])
        == "Planted (simulated): training texts of the judge."
    )


def test_a_planted_file_under_another_name_is_planted():
    assert "judgements" in banner(
        human("people", "people", path="{results}/world/human/judgements_en.tsv"), {"c": "hub"}
    )
    assert "judgements" in banner(
        human("people", "people", valence_norm="results/planted/world/human/centres_en.tsv"), {"c": "hub"}
    )


def git(folder, *args):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org", *args],
        check=True,
        capture_output=True,
        env=environment,
    )


def test_the_commit_is_that_of_the_codes_folder(tmp_path, monkeypatch):
    for name in ("code", "elsewhere"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "file").write_text(name)
        git(tmp_path / name, "init", "-q")
        git(tmp_path / name, "add", "-A")
        git(tmp_path / name, "commit", "-qm", name)
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere/.git"))
    here, there = describe_run(folder=tmp_path / "elsewhere"), describe_run(folder=tmp_path / "code")
    assert (
        here["commit"]
        and there["commit"]
        and here["commit"] != there["commit"]
        and there["uncommitted_changes"] is False
    )
    (tmp_path / "code/file").write_text("edited")
    (tmp_path / "code/new").write_text("")
    there = describe_run(folder=tmp_path / "code")
    assert there["uncommitted_changes"] is True and there["changed_files"] == ["file", "new"]
    inner = describe_run(folder=tmp_path / "code/inner")
    assert inner["commit"] is None and inner["uncommitted_changes"] is None
    assert there["library"]["digest"] and there["library"]["folder"].endswith("shared_affect")


def test_no_caption_or_template_says_what_came_out(root):
    """Sentences about results are made from verdicts (show.sentences), never written down in what a run shows."""
    for path in (root / "workflow/report").glob("*.rst"):
        text = path.read_text(encoding="utf-8")
        for words in ("what was planted", "finds nothing", "nothing in", '"planted"', "Planted (simulated)"):
            assert words not in text, (path.name, words)


def test_what_stands_beside_the_claims_is_told_with_its_control(tmp_path):
    (tmp_path / "tables").mkdir()
    key = dict(control="none", spec="primary", model="m", language="en", vignettes="v", readout="mean")
    rows = [
        key | dict(arm=arm, against=what, emotion=e, auroc=x, ci_low=x - 0.1, ci_high=min(x + 0.1, 1))
        for what, level in (("matched-neutral", 0.3), ("other-emotions", 0))
        for arm, areas in (("features", (0.9, 0.62, 0.8)), ("shuffled-sets", (0.5 + level, 0.5, 0.5)))
        for e, x in zip(("joy", "fear", "mean"), areas, strict=True)
    ]
    control = rows[0] | {"control": "untrained", "model": "u"}
    pd.DataFrame([*rows, control]).to_csv(tmp_path / "tables/validity.csv", index=False)
    profiles = dict(key, wording="names", representation="sae-space", pairs="all", statistic="rho-a", rho=0.31)
    more = dict(p=0.01, p_codes=0.2, n_emotions=11, group_agreement=0.877, human_language="zh")
    pd.DataFrame([profiles | more]).to_csv(tmp_path / "tables/rsa_profiles.csv", index=False)
    first, second = show.beside_the_claims(tmp_path)
    assert "Texts that name no emotion, m en: mean AUROC 0.80 (0.70 to 0.90) against matched neutral, features" in first
    # joy lies at .9, and features of shuffled sets reach that
    assert "1 of 2 emotions above .5 and above those; mean" in first and first.endswith(
        "2 of 2 emotions above .5 and above those."
    )
    assert "by names rho 0.31, p 0.200, 11 emotions (groups agree by 0.88)" in second and "raters of zh" in second
    assert show.beside_the_claims(tmp_path / "nothing") == []


def agreement(folder):
    import pandas as pd

    (folder / "tables").mkdir(parents=True)
    row = {"human_a": "yi2025", "language_a": "zh", "human_b": "war", "language_b": "en", "dimension": "valence"}
    row |= {"r": 0.8182, "ci_low": 0.7958, "ci_high": 0.8384, "n_concepts": 1930, "control": "none", "spec": "primary"}
    pd.DataFrame([row]).to_csv(folder / "tables/human_agreement.csv", index=False)
    return row


def test_transfer_stands_beside_what_people_reach(tmp_path):
    import pandas as pd

    folder = finished(tmp_path / "mine", {"commit": "a" * 40})
    assert "people themselves" not in show.terminal(folder) and show.of_people(folder) == []
    agreement(folder)
    rows = {"control": "none", "spec": "primary", "model": "m", "arm": "shared", "ci_low": 0.1, "ci_high": 0.3}
    rows |= {"r": 0.2, "n_words": 5000, "dimension": "valence"}
    others = [{"language": "en"}, {"language": "en-zh", "arm": "dense"}, {"language": "en-zh", "control": "untrained"}]
    asked = [{"language": "en-zh"}, {"language": "zh-en"}, {"language": "zh-en", "dimension": "arousal"}]
    pd.DataFrame([rows | r for r in (*others, *asked)]).to_csv(folder / "tables/ratings.csv", index=False)
    people = "people themselves: r 0.818 (0.796 to 0.838) over 1,930 concepts, yi2025 and war."
    said = show.of_people(folder)
    assert said[0] == f"Transfer en-zh, m, valence: r 0.200 (0.100 to 0.300) over 5,000 words; {people}"
    assert [s.split(":")[0] for s in said[1:]] == ["Transfer zh-en, m, valence", "Transfer zh-en, m, arousal"]
    assert said[2].endswith("people themselves: no two sets of raters.")
    assert all(s in show.terminal(folder) for s in said)
    assert "people themselves" in show.rst(claims("holds"), {"commit": "a" * 40}, said)


def test_the_human_side_alone_makes_no_claims_and_says_so(tmp_path):
    folder = finished(tmp_path / "mine", {"commit": "a" * 40})
    (folder / "claims.json").write_text("[]")
    agreement(folder)
    text = show.terminal(folder)
    assert "No model was asked in this study" in text and "tested verdicts" not in text
    assert "People of zh and en, valence: r 0.818 (0.796 to 0.838)" in text
