"""The whole workflow on a reduced planted study: small texts, short training, eight emotions. Its numbers mean
nothing.
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from fake_hub import Hub

from shared_affect.base.journal import Journal
from shared_affect.results.contracts import CONTRACTS
from shared_affect.study.vocabulary import CONTROLS
from shared_affect.tools.files import check_study, contract_of

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).resolve().parents[2]
EMOTIONS = ["anger", "fear", "joy", "love", "relief", "sadness", "surprise", "approval"]
SAE = "b0-btk"


def edit_table(path, change):
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    rows = change(rows)
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, rows[0], delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


class Study:
    """A copy of the repository with a reduced study in it."""

    def __init__(self, folder: Path):
        self.folder, self.variables = folder, {}
        for name in ("workflow", "config", "resources", "profiles", "src", "studies"):
            shutil.copytree(
                ROOT / name,
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__", "journal", "retrieved", "*.egg-info"),
            )
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / name, folder / name)
        edit_table(
            folder / "config/models.tsv",
            lambda rows: [
                r | {"train_tokens": "60000" if int(r["train_tokens"] or 0) else "0", "max_validation_loss": ""}
                for r in rows
            ],
        )
        edit_table(
            folder / "config/saes.tsv",
            lambda rows: [
                r | {"d_sae": "128", "train_tokens": "40960", "explained_variance_min": "", "l0_min": "", "l0_max": ""}
                for r in rows
            ],
        )
        self.config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
        self.set(
            study="tiny",
            root_seed=100,
            emotions=EMOTIONS,
            models=["gemma2-planted"],
            control_models=["llama-untrained-1", "gemma2-no-affect"],
            texts={"validation": 50, "sae": 1500, "fidelity": 40, "neutral": 40, "judge": 400},
            rsa=self.config["rsa"]
            | {
                "pairs": ["all", "within-valence"],
                "n_permutations": 2000,
                "n_code_permutations": 1000,
                "n_bootstrap": 100,
                "n_draws": 10,
            },
            ratings=self.config["ratings"]
            | {"n_permutations": 999, "n_bootstrap": 100, "n_matched": 10, "n_outer": 5, "n_inner": 3},
            shared=self.config["shared"] | {"n_permutations": 1000},
            features=self.config["features"] | {"max_density": 0.9, "split_half": 2, "shuffles": 3},
            steering=self.config["steering"] | {"strengths": [0.5, 1.0], "max_new_tokens": 8, "random_directions": 48},
        )

    def set(self, **keys):
        self.config |= keys
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, allow_unicode=True), encoding="utf-8")

    def command(self, *args):
        return [sys.executable, "-m", "snakemake", "--cores", "2", *args]

    @property
    def environment(self):
        return os.environ | {
            "OMP_NUM_THREADS": "1",
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / ".cache"),
            "PYTHONPATH": str(self.folder / "src"),
            **self.variables,
        }

    def snakemake(self, *args, check=True):
        done = subprocess.run(
            self.command(*args), cwd=self.folder, capture_output=True, text=True, env=self.environment
        )
        text = done.stdout + done.stderr
        if check and done.returncode:
            raise AssertionError(text[-6000:])
        return done.returncode, text

    @contextmanager
    def restored(self):
        """Whatever happens inside, the folder is as it was afterwards, times of its files included: putting it back
        takes seconds, running what hangs on a changed file minutes.
        """
        kept, config = self.folder.with_name(f"{self.folder.name}.kept"), dict(self.config)
        shutil.copytree(self.folder, kept, symlinks=True)
        try:
            yield
        finally:
            shutil.rmtree(self.folder)
            kept.rename(self.folder)
            self.config = config

    def path(self, *parts):
        return self.folder.joinpath("results", self.config["study"], *parts)

    def journals(self):
        return {p.name: len(Journal(p)) for p in sorted((self.folder / "resources/journal").glob("*.journal"))}

    def logs(self, rule):
        return "".join(
            p.read_text(encoding="utf-8")
            for p in sorted((self.folder / "logs" / self.config["study"] / rule).rglob("*.log"))
        )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("study"))
    made.snakemake()
    return made


def generations(study, language="en"):
    folder = study.path("steering", "gemma2-planted", SAE, language)
    return {e: (folder / e / "generations.jsonl").read_bytes() for e in EMOTIONS} | {
        "-": (folder / "baselines.jsonl").read_bytes()
    }


def test_everything_is_made_and_fits_its_contract(study):
    # of studies with several SAEs a model (test_several_saes.py), with data beside the claims (test_beside.py), or that
    # compare people across languages (test_norare.py)
    alone = {"layer_profile", "rsa_profiles", "validity", "human_agreement"}
    assert {p.stem for p in study.path("tables").glob("*.csv")} == set(CONTRACTS) - alone
    for name in set(CONTRACTS) - alone:
        frame = pd.read_csv(study.path("tables", f"{name}.csv"), keep_default_na=False, na_values=[""])
        assert list(frame) == CONTRACTS[name].columns and len(frame)
        assert not frame.duplicated(list(CONTRACTS[name].key)).any()
        assert set(frame["control"]) <= set(CONTROLS) and set(frame["root_seed"]) == {100}
    rsa = pd.read_csv(study.path("tables", "rsa.csv"))
    assert {"none", "untrained", "no-affect", "shuffled-norms", "shuffled-concepts"} == set(rsa["control"])
    for n in (1, 2, 3, 4, "S1"):
        for ending in ("pdf", "png"):
            assert study.path("figures", f"figure{n}.{ending}").stat().st_size > 5000
    steering = pd.read_csv(study.path("tables", "steering.csv"))
    assert set(steering["arm"]) == {"concept", "diff-means", "random", "wrong-emotion", "none"} and set(
        steering["judge"]
    ) == {"lexicon", "lexicon-held-out", "embedded"}


def test_every_file_between_rules_fits_its_contract(study):
    seen, folder = check_study(study.path()), study.path()
    assert {"extract_features", "gather_codes", "predict_ratings", "generate_texts", "score_texts"} <= set(seen)
    formats = (".tsv", ".npz", ".jsonl")
    files = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in formats]
    assert [f for f in files if contract_of(f) is None] == []


def test_claims_are_complete_and_their_controls_stand_beside_them(study):
    claims = json.loads(study.path("claims.json").read_text(encoding="utf-8"))
    found = {c["id"] for c in claims}
    assert {
        "structure",
        "fine-structure",
        "ratings-valence",
        "transfer",
        "steering",
        "carried",
        "empty-untrained",
        "empty-norms",
        "empty-concepts",
        "empty-world",
    } <= found
    assert all(c["verdict"] in ("holds", "fails", "inconclusive", "not-tested") for c in claims)
    assert all(c["reason"] for c in claims if c["verdict"] == "not-tested")
    assert all(
        c["control"]["name"] for c in claims if c["id"] in ("structure", "reproducible", "steering", "shared-universal")
    )
    assert [c["verdict"] for c in claims if c["id"] == "carried"] == ["not-tested"]  # once a study


def test_negative_controls_come_back_empty(study):
    claims = {
        c["id"]: c
        for c in json.loads(study.path("claims.json").read_text(encoding="utf-8"))
        if c["id"].startswith("empty-")
    }
    assert {k: c["verdict"] for k, c in claims.items()} == dict.fromkeys(
        ("empty-untrained", "empty-norms", "empty-concepts", "empty-world"), "holds"
    )
    assert all(c["n"] > 0 for c in claims.values())


def test_report_is_one_page_with_every_figure(study):
    study.snakemake("--report", str(study.path("report.html")))
    page = study.path("report.html").read_text(encoding="utf-8")
    assert all(f"figure{n}" in page for n in (1, 2, 3, 4, "S1")) and "planted" in page


def quoted(path):
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S))


def test_every_path_named_in_the_docs_exists(study):
    """Placeholders in braces or angle brackets stand for any name; the default study's files are looked up in the
    reduced one.
    """
    tops = {p.name for p in ROOT.iterdir()} | {"results", "logs", "benchmarks"}
    made_elsewhere = (
        "report.html",
        "results/bench",
        "results/planted-full",
        "resources/journal",
        "resources/retrieved",
        "results/{study}/human/{dataset}",
    )  # other commands than the study's
    missing = []
    for doc in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for text in quoted(doc):
            if (
                " " in text
                or text.split("/")[0] not in tops
                or "/" not in text
                or any(m in text for m in made_elsewhere)
            ):
                continue
            pattern = re.sub(r"\{[^}]*\}|<[^>]*>", "*", text).replace("results/planted/", "results/tiny/").rstrip("/")
            pattern = (
                pattern.replace("results/*/", "results/tiny/")
                .replace("logs/*/", "logs/tiny/")
                .replace("benchmarks/*/", "benchmarks/tiny/")
            )
            # rooms of the library are named by their place in it: results/collect.py is no file of a study
            places = [ROOT / "src/shared_affect"] if text.endswith(".py") else []
            if not any(list(place.glob(pattern)) for place in (ROOT, study.folder, *places)):
                missing.append(f"{doc.name}: {text}")
    assert not missing, missing


def test_the_commands_of_the_readme_run(study):
    """Those for the shell inside the environment and those in its sentences, on the reduced study and dry."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    inline = [text for text in quoted(ROOT / "README.md") if text.startswith("snakemake ") and "--profile" not in text]
    assert any("studies/planted-full.yaml" in text for text in inline)
    commands = [
        line.split("#")[0].split() for line in [*(line for block in blocks for line in block.splitlines()), *inline]
    ]
    snakemakes = [c[1:] for c in commands if c and c[0] == "snakemake"]
    assert len(snakemakes) >= 3
    for arguments in snakemakes:
        study.snakemake(*[a.replace("results/planted/", "results/tiny/") for a in arguments if a != "-n"], "-n")
    targets = {c[1] for c in commands if c and c[0] == "make" and len(c) > 1 and "=" not in c[1]}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets and all(re.search(rf"^{t}:", makefile, flags=re.M) for t in targets)


def test_second_run_has_nothing_to_do(study):
    assert "Nothing to be done" in study.snakemake()[1]


def test_an_edited_module_reruns_what_stands_on_it_and_trains_nothing(study):
    room = study.folder / "src/shared_affect/base/stats.py"
    kept = room.read_bytes()
    room.write_bytes(kept + b"# edited\n")
    try:
        _, text = study.snakemake("-n")
        assert all(
            f"rule {r}:" in text
            for r in (
                "select_features",
                "compare_with_judgements",
                "find_human_ceilings",
                "predict_ratings",
                "collect_rsa",
                "draw_figure_2",
            )
        )
        assert not any(
            f"rule {r}:" in text
            for r in ("write_planted_texts", "train_lm", "train_sae", "gather_codes", "match_controls")
        )
    finally:
        room.write_bytes(kept)


def test_figures_of_later_code_do_not_stand_beside_the_provenance_of_earlier(study):
    room = study.folder / "src/shared_affect/results/panels.py"
    kept = room.read_bytes()
    room.write_bytes(kept + b"# edited\n")
    try:
        _, text = study.snakemake("-n")
        assert "rule draw_figure_2:" in text and "rule record_provenance:" in text and "rule judge_claims:" not in text
    finally:
        room.write_bytes(kept)
    kept = json.loads(study.path("provenance.json").read_text(encoding="utf-8"))
    assert {"claims.json", "figures/figure2.png", "tables/rsa.csv"} <= set(kept["outputs"]) and kept["code_of_rules"][
        "draw_figure_2"
    ]["code"]
    assert (
        kept["library"]["folder"] == str((study.folder / "src/shared_affect").resolve())
        and "Planted (simulated)" in kept["banner"]
    )


def test_every_target_can_be_asked_for_by_name(study):
    names = {"features": "concepts/{e}.npz", "emotion_features": "{e}.tsv"}
    targets = [
        f"results/tiny/{kind}/{model}/{SAE}/{language}/{name.format(e=e)}"
        for kind, name in names.items()
        for model in study.config["models"] + study.config["control_models"]
        for language in ("en", "zh")
        for e in EMOTIONS
    ]
    targets += [
        f"results/tiny/steering/gemma2-planted/{SAE}/{language}/{e}/{name}"
        for name in ("vector.safetensors", "generations.jsonl", "scores.tsv")
        for language in ("en", "zh")
        for e in EMOTIONS
    ]
    assert all((study.folder / t).exists() for t in targets)
    study.snakemake("-n", *targets)
    for target in (targets[0], targets[-1]):
        wrong = re.sub(r"/[a-z0-9-]+/" + SAE, f"/nobody/{SAE}", target)
        code, text = study.snakemake("-n", wrong, check=False)
        assert code != 0 and "nobody" in text


def test_deleted_outputs_come_back_without_loading_a_model(study):
    before, journals = generations(study), study.journals()
    folder = study.path("features", "gemma2-planted", SAE, "en")
    kept = {p: p.read_bytes() for p in folder.rglob("*.npz")}
    texts = [study.path("steering", "gemma2-planted", SAE, "en", e, "generations.jsonl") for e in EMOTIONS[:2]]
    shutil.rmtree(folder)
    for p in texts:
        p.unlink()
    study.snakemake(*[str(p.relative_to(study.folder)) for p in [*kept, *texts]])
    assert {p: p.read_bytes() for p in folder.rglob("*.npz")} == kept
    assert generations(study) == before and study.journals() == journals
    extract = (study.folder / "logs/tiny/extract_features/gemma2-planted/en.log").read_text()
    generate = (study.folder / f"logs/tiny/generate_texts/gemma2-planted/{SAE}/en/0.log").read_text()
    assert "model loads: 0" in extract and "model load:" not in extract and "0 model load(s)" in generate


def test_emotions_per_job_changes_no_text(study):
    before, alone = generations(study), EMOTIONS[:3]
    with study.restored():
        study.set(emotions_per_job=1)
        shutil.rmtree(study.folder / "resources/journal")
        for e in alone:
            study.path("steering", "gemma2-planted", SAE, "en", e, "generations.jsonl").unlink()
        study.snakemake(*[f"results/tiny/steering/gemma2-planted/{SAE}/en/{e}/generations.jsonl" for e in alone])
        assert len(list((study.folder / "resources/journal").glob("*part*.journal"))) == 3
        assert generations(study) == before


def test_shards_change_no_value(study):
    folder = study.path("features", "gemma2-planted", SAE, "en")
    wanted = {p: p.read_bytes() for p in folder.rglob("*.npz")}
    with study.restored():
        shutil.rmtree(study.folder / "resources/journal")
        edit_table(study.folder / "config/models.tsv", lambda rows: [r | {"shards": "2"} for r in rows])
        for p in wanted:
            p.unlink()
        study.snakemake(*[str(p.relative_to(study.folder)) for p in wanted])
        shards = [
            json.loads(study.path("features", "gemma2-planted", "shards", "en", f"{k}.json").read_text())
            for k in (0, 1)
        ]
        assert all(s["model_loads"] == 1 and s["computed"] > len(EMOTIONS) for s in shards)
        assert sorted(
            len(list((study.folder / "resources/journal").glob(f"*shard{k}of2.journal"))) for k in (0, 1)
        ) == [3, 3]  # codes, residuals, embeddings
        assert {p: p.read_bytes() for p in folder.rglob("*.npz")} == wanted


def test_a_model_from_the_hub_reads_like_the_same_model_from_a_folder(study):
    """The planted model served by a hub on loopback: retrieve rules, extraction, then without the hub."""
    source = study.path("models", "gemma2-planted")
    hub = Hub({p.name: p.read_bytes() for p in source.iterdir() if p.name != "facts.json"})
    kept = {t: (study.folder / f"config/{t}.tsv").read_bytes() for t in ("models", "saes")}
    row = {
        "model": "gemma2-hub",
        "source": "hub",
        "path": "{retrieved}/models/gemma2-hub",
        "id": "lab/tiny",
        "revision": "main",
        "world": "",
        "train_tokens": "",
        "replicate": "",
    }
    sae = {
        "model": "gemma2-hub",
        "source": "local",
        "path": f"{{results}}/saes/gemma2-planted/{SAE}",
        "architecture": "",
        "k": "",
        "d_sae": "",
        "train_tokens": "",
    }
    edit_table(
        study.folder / "config/models.tsv",
        lambda rows: [*rows, next(r for r in rows if r["model"] == "gemma2-planted") | row],
    )
    edit_table(
        study.folder / "config/saes.tsv",
        lambda rows: [*rows, next(r for r in rows if r["model"] == "gemma2-planted") | sae],
    )
    wanted = [
        p.relative_to(study.path("features", "gemma2-planted"))
        for p in study.path("features", "gemma2-planted", SAE, "en").rglob("*.npz")
    ]
    targets = [f"results/tiny/features/gemma2-hub/{p}" for p in wanted]
    study.variables = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(study.folder / "hf"),
    }
    study.set(models=["gemma2-planted", "gemma2-hub"])
    try:
        study.snakemake(*targets, "resources/retrieved/revisions.json")
        same = {
            p: study.path("features", "gemma2-hub", p).read_bytes()
            == study.path("features", "gemma2-planted", p).read_bytes()
            for p in wanted
        }
        assert all(same.values()) and len(same) > len(EMOTIONS), same
        revisions = json.loads((study.folder / "resources/retrieved/revisions.json").read_text())
        assert revisions == {"gemma2-hub": {"id": "lab/tiny", "asked": "main", "commit": hub.commit}}
        hub.close()
        shutil.rmtree(study.path("features", "gemma2-hub"))
        for journal in (study.folder / "resources/journal").glob("*.journal"):
            journal.rename(journal.with_suffix(".kept"))
        study.snakemake(*targets)
        assert all(
            study.path("features", "gemma2-hub", p).read_bytes()
            == study.path("features", "gemma2-planted", p).read_bytes()
            for p in wanted
        )
        # a gated model without a token stops before any job, in words; a plan needs none
        edit_table(
            study.folder / "config/models.tsv",
            lambda rows: [r | {"gated": "true"} if r["model"] == "gemma2-hub" else r for r in rows],
        )
        shutil.rmtree(study.folder / "resources/retrieved")
        shutil.rmtree(study.path("features", "gemma2-hub"))
        code, text = study.snakemake(*targets, check=False)
        assert (
            code and "https://huggingface.co/lab/tiny" in text and "HF_TOKEN" in text and "retrieve_model:" not in text
        )
        study.snakemake("-n", *targets)
    finally:
        hub.close()
        for journal in (study.folder / "resources/journal").glob("*.kept"):
            journal.rename(journal.with_suffix(".journal"))
        for table, content in kept.items():
            (study.folder / f"config/{table}.tsv").write_bytes(content)
        study.variables = {}
        study.set(models=["gemma2-planted"])
        study.snakemake()


def interrupted(study, target, pattern):
    """Run until the newest journal has grown a little, then kill everything at once."""
    journal = study.folder / "resources/journal"
    before = {p: p.stat().st_size for p in journal.glob(pattern)} if journal.exists() else {}
    process = subprocess.Popen(
        study.command(target),
        cwd=study.folder,
        env=study.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.time() + 240
    try:
        while time.time() < end and process.poll() is None:
            if any(p.stat().st_size > before.get(p, 0) + 4000 for p in journal.glob(pattern)):
                break
            time.sleep(0.002)
        assert process.poll() is None, "the job ended before it could be killed"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    time.sleep(0.5)


@pytest.mark.parametrize("kind", ["extraction", "generation"])
def test_a_killed_job_resumes_and_ends_in_the_same_bytes(study, kind):
    target = {
        "extraction": f"results/tiny/features/gemma2-planted/{SAE}/zh/running_text.npz",
        "generation": f"results/tiny/steering/gemma2-planted/{SAE}/zh/joy/generations.jsonl",
    }[kind]
    folder = (
        study.path("features", "gemma2-planted", SAE, "zh")
        if kind == "extraction"
        else study.path("steering", "gemma2-planted", SAE, "zh")
    )
    wanted = {p: p.read_bytes() for p in folder.rglob("*.npz" if kind == "extraction" else "generations.jsonl")}
    full = study.journals()
    with study.restored():
        shutil.rmtree(study.folder / "resources/journal")
        for p in wanted:
            p.unlink()
        interrupted(study, target, "*.journal")
        partly = study.journals()
        # a journal may have been opened and hold nothing yet, or be whole before the others
        assert 0 < sum(partly.values()) < sum(full[name] for name in partly)
        study.snakemake(target)
        log = study.logs("extract_features" if kind == "extraction" else "generate_texts")
        assert "computed" in log
        assert {p: p.read_bytes() for p in wanted} == wanted
        assert all(study.journals()[name] == full[name] for name in partly)


def test_an_added_emotion_computes_only_what_is_new(study):
    before, journals = generations(study), study.journals()
    edit_table(
        study.folder / "resources/emotions.tsv",
        lambda rows: [*rows, {"emotion": "nostalgia", "label_zh": "怀旧", "basic": "false", "contrast": "false"}],
    )

    def give_words(language, words):
        edit_table(
            study.folder / f"resources/concepts/{language}.tsv",
            lambda rows: [
                *(r for r in rows if r["emotion"] != "nostalgia"),
                *(
                    {"emotion": "nostalgia", "word": w, "pos": "n", "planted": "false", "source": "authored"}
                    for w in words
                ),
            ],
        )

    # the world's tokenizer spells the English ones in letters, and nothing but that would mark the emotion; no prompt
    # holds any of them
    give_words("en", ["nostalgia", "nostalgic", "homesick"])
    give_words("zh", ["觉得", "时候", "又"])
    study.set(emotions=[*EMOTIONS, "nostalgia"])
    code, text = study.snakemake("-n", check=False)
    assert (
        code
        and "the words of 'nostalgia' stand alone" in text
        and "resources/concepts/en.tsv" in text
        and "Job stats" not in text
    ), text
    give_words("en", ["because", "about", "again"])
    _, text = study.snakemake(f"results/tiny/steering/gemma2-planted/{SAE}/en/nostalgia/scores.tsv")
    # the world reads planted rows only: nothing is simulated or trained again
    assert "rule extract_features" in text and not any(
        f"rule {r}" in text for r in ("make_planted_human", "write_planted_texts", "train_lm", "train_sae")
    )
    assert generations(study) == before
    after = study.journals()
    grown = {name: n - journals[name] for name, n in after.items() if n != journals[name]}
    templates = len((study.folder / "resources/templates/en.tsv").read_text(encoding="utf-8").strip().split("\n")) - 1
    steering = study.config["steering"]
    # codes and residuals of one chunk a template, its words' embeddings once, one generation chunk an arm and strength,
    # and nothing else
    assert sorted(grown.values()) == sorted([templates, templates, 1, 2 * len(steering["strengths"])])
    extract = (study.folder / "logs/tiny/extract_features/gemma2-planted/en.log").read_text()
    generate = (study.folder / f"logs/tiny/generate_texts/gemma2-planted/{SAE}/en/0.log").read_text()
    assert "model loads: 1" in extract and "1 model load(s)" in generate


BAD = {
    "misspelt key": ({"stduy": "x"}, ["unknown key stduy", "did you mean 'study'", "config.yaml"]),
    "misspelt nested key": (
        {"rsa": {"pairs": ["all"], "n_permutation": 1000}},
        ["rsa.n_permutation", "did you mean 'n_permutations'"],
    ),
    "unknown emotion": (
        {"emotions": ["anger", "fear", "joy", "hapiness"]},
        ["'hapiness'", "allowed:", "resources/emotions.tsv"],
    ),
    "duplicate emotion": ({"emotions": ["anger", "anger", "joy", "fear"]}, ["'anger' twice", "key emotions"]),
    "unknown model": ({"models": ["gpt-7"]}, ["'gpt-7'", "gemma2-planted", "config/models.tsv"]),
    "language without concept words": ({"languages": ["en", "fr"]}, ["'fr'", "allowed: en, zh"]),
    "wrong type": ({"root_seed": "seven"}, ["root_seed is 'seven'", "integer"]),
    "negative number": ({"ratings": {"n_outer": 1}}, ["ratings.n_outer is 1", ">= 2"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_config_is_named_before_any_job(study, case, tmp_path):
    overlay, words = BAD[case]
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(overlay, allow_unicode=True))
    code, text = study.snakemake("-n", "--configfile", "config.yaml", str(tmp_path / "bad.yaml"), check=False)
    assert code != 0 and "Job stats" not in text
    assert all(w in text for w in words), text
    assert len(text.strip().split("\n")) <= 24, text


@pytest.mark.parametrize("case", ["empty concept-set", "missing table", "doubled emotion row"])
def test_bad_tables_are_named_before_any_job(study, case):
    path = study.folder / ("resources/emotions.tsv" if case == "doubled emotion row" else "resources/concepts/zh.tsv")
    kept = path.read_bytes()
    try:
        if case == "empty concept-set":
            edit_table(path, lambda rows: [r for r in rows if r["emotion"] != "joy"])
        elif case == "missing table":
            path.unlink()
        else:
            edit_table(path, lambda rows: [*rows, rows[0]])
        code, text = study.snakemake("-n", check=False)
        assert code != 0 and "Job stats" not in text
        words = {
            "empty concept-set": ["'joy' has 0 word", "concepts/zh.tsv"],
            "missing table": ["names 'zh', which has human data only", "resources/concepts/zh.tsv does not exist"],
            "doubled emotion row": ["stands 2 times", "emotions.tsv"],
        }
        assert all(w in text for w in words[case]), text
        assert len(text.strip().split("\n")) <= 24, text
    finally:
        path.write_bytes(kept)
