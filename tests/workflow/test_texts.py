"""What tokenizers and texts a study is refused for, by the real command, before any job."""

import csv
import os
import shutil
import subprocess
import sys

import pytest
from tokenizers_made import gpt2_type

pytestmark = pytest.mark.workflow


@pytest.fixture
def plan(root, tmp_path):
    """A dry run over tables of its own; rows are changed by keyword."""
    for shared in ("resources", "config", "src", "workflow"):
        shutil.copytree(
            root / shared, tmp_path / shared, ignore=shutil.ignore_patterns("journal", "retrieved", "__pycache__")
        )
    for name in ("config.yaml", "Snakefile"):
        shutil.copy(root / name, tmp_path)

    def change(table, model, **cells):
        path = tmp_path / f"config/{table}.tsv"
        with open(path, encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
        path.write_text(
            "\n".join(
                "\t".join(r.values())
                for r in [
                    dict(zip(rows[0], rows[0], strict=True)),
                    *(r | cells if r["model"] == model else r for r in rows),
                ]
            )
            + "\n",
            encoding="utf-8",
        )

    def dry(target):
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "-n",
            "--cores",
            "1",
            target,
            "--config",
            "models=[stories260k]",
            "control_models=[]",
            "primary_sae=b2-btk",
            "languages=[en]",
            f"models_dir={tmp_path}",
            "specs=[]",
        ]
        environment = os.environ | {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path / "src")}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=120)
        return done.returncode, done.stdout + done.stderr

    dry.folder, dry.change = tmp_path, change
    return dry


def give_weights(folder):
    """A model of its tokenizer's size: folders without one are refused for that alone."""
    from tokenizers import Tokenizer
    from transformers import GPT2Config, GPT2LMHeadModel

    size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=16, n_layer=3, n_head=2, n_positions=1024)).save_pretrained(
        folder
    )


def test_texts_and_tokenizers_are_looked_at_before_any_job(plan):
    target, folder = "results/planted/saes/stories260k/b2-btk/cfg.json", plan.folder / "stories260K"
    gpt2_type(folder, add_prefix_space=True)
    give_weights(folder)
    code, text = plan(target)
    assert code and "Job stats" not in text and len(text.strip().splitlines()) < 12, text
    assert (
        "config/models.tsv, model stories260k" in text
        and str(folder) in text
        and "GPT2Tokenizer" in text
        and "differently: ids [" in text
    )
    gpt2_type(folder)
    plan.change("models", "stories260k", bos="none")
    code, text = plan(target)
    assert code and "no token to start a text from" in text and "config/saes.tsv, column texts" in text, text
    plan.change("saes", "stories260k", texts="{models_dir}/mine")
    code, text = plan(target)
    assert (
        code
        and "model stories260k, sae b2-btk, column texts is" in text
        and "allowed: world, sampled, or a file or folder that is there" in text
    ), text
    (plan.folder / "mine").mkdir()
    (plan.folder / "mine/a.txt").write_text("one text\nanother\n", encoding="utf-8")
    code, text = plan(target)
    assert code == 0 and "mine/a.txt" in text and "sample_documents" not in text and "train_sae" in text, text
