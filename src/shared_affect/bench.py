"""`make bench`: speed and memory of the slow stages as ratios to the usual way, in one run on one machine.

Methods of a workload are interleaved over rounds, each round in a process of its own, and the median rate is reported;
``ratio_to_baseline`` is against the first method, ``max_abs_diff`` the largest difference of its result to the first
method's. Models here have random weights: speed does not depend on what they learned.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ["workload", "method", "rate", "unit", "ratio_to_baseline", "peak_mb", "max_abs_diff", "rounds", "machine"]


def _child(pipe, work: Callable[[], tuple[int, Callable[[], np.ndarray]]]) -> None:
    n, run = work()
    run()  # first call pays for imports and warm-up
    start = time.perf_counter()
    result = run()
    pipe.send((n / (time.perf_counter() - start), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, np.asarray(result)))


def compare(workload: str, unit: str, methods: dict[str, Callable], rounds: int = 3) -> pd.DataFrame:
    """Time methods in turn; the first is the baseline.

    Parameters
    ----------
    workload, unit : str
    methods : mapping of name -> function without arguments
        Prepares and returns ``(number of units, function that does the work and returns an array)``.
    rounds : int

    Returns
    -------
    DataFrame in the columns of results/bench/*.csv
    """
    context = multiprocessing.get_context("fork")
    seen: dict[str, list] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, work in methods.items():
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(writer, work))
            process.start()
            writer.close()  # so that a child that dies ends the wait
            seen[name].append(reader.recv())
            process.join()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, 1 thread, Python {platform.python_version()}"
    base_rate = np.median([r for r, _, _ in next(iter(seen.values()))])
    base = next(iter(seen.values()))[0][2]
    rows = [{"workload": workload, "method": name, "rate": np.median([r for r, _, _ in v]), "unit": unit, "ratio_to_baseline": np.median([r for r, _, _ in v]) / base_rate,
             "peak_mb": max(m for _, m, _ in v), "max_abs_diff": float(np.abs(v[0][2] - base).max()), "rounds": rounds, "machine": machine} for name, v in seen.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


# --- a model and words to work on --------------------------------------------------------------------------------------


def _make_model(folder: Path, words: list[str], d: int, layers: int, d_sae: int) -> tuple[Path, Path]:
    import json

    import torch
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram([(s, 0.0) for s in ("<pad>", "<bos>", "<eos>", "<unk>")] + [(f"▁{w}", -1.0) for w in [*words, "the", "word", "is"]] + [(".", -1.0), ("▁", -8.0)], unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(prepend_scheme="always"), decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>", padding_side="right")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Gemma2ForCausalLM(Gemma2Config(vocab_size=len(fast), hidden_size=d, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2, head_dim=d // 4,
                                               intermediate_size=2 * d, query_pre_attn_scalar=d // 4, sliding_window=256, max_position_embeddings=256, pad_token_id=0, bos_token_id=1, eos_token_id=2))
    model.save_pretrained(folder / "model")
    fast.save_pretrained(folder / "model")
    rng = np.random.default_rng(0)
    (folder / "sae").mkdir()
    arrays = {"W_enc": rng.normal(0, 0.1, (d, d_sae)), "W_dec": rng.normal(0, 0.1, (d_sae, d)), "b_enc": np.zeros(d_sae), "b_dec": np.zeros(d), "threshold": np.full(d_sae, 1.0)}
    save_file({k: v.astype(np.float32) for k, v in arrays.items()}, folder / "sae/sae_weights.safetensors")
    (folder / "sae/cfg.json").write_text(json.dumps({"architecture": "jumprelu", "d_in": d, "d_sae": d_sae, "apply_b_dec_to_input": True, "normalize_activations": "none"}))
    return folder / "model", folder / "sae"


def bench_extraction() -> pd.DataFrame:
    """Words a second from text to SAE codes at the word's last token."""
    template, words = "the word is {word}.", [f"w{i}" for i in range(512)]

    def prepare(method: str):
        def work():
            import torch

            from shared_affect.extraction import Extractor, Numerics, SaeSource, read_codes
            from shared_affect.models import load_model
            from shared_affect.saes import DiskSAE

            torch.set_num_threads(1)
            folder = Path(tempfile.mkdtemp())
            model_folder, sae_folder = _make_model(folder, words, d=128, layers=4, d_sae=1024)
            if method == "ours":
                count = iter(range(1000))

                def run():
                    # a new journal each time: nothing may come from the last round
                    extractor = Extractor(model_folder, {"s": SaeSource(str(sae_folder), 1)}, "en", Numerics(), folder / f"j{next(count)}")
                    extractor._loaded = loaded
                    return read_codes(extractor.words({"w": words}, {"t": template})["s"]["w"], ["t"], "word")

                loaded = (load_model(model_folder), {"s": DiskSAE(sae_folder)}, "cpu")
                return len(words), run
            from transformers import AutoTokenizer

            model, sae, tokenizer = load_model(model_folder), DiskSAE(sae_folder), AutoTokenizer.from_pretrained(model_folder)
            texts, size = [template.format(word=w) for w in words], 64 if method.startswith("padded") else 1

            @torch.inference_mode()
            def run():
                out = []
                for i in range(0, len(texts), size):
                    batch = tokenizer(texts[i : i + size], return_tensors="pt", padding=True)
                    hidden = model(**batch, output_hidden_states=True).hidden_states[2]
                    out.append(sae.encode(hidden)[torch.arange(len(hidden)), batch["attention_mask"].sum(1) - 2])
                return torch.cat(out).numpy()

            return len(words), run

        return work

    names = {"padded batches of 64, all layers and logits, every position encoded": "padded", "one word at a time, all layers and logits": "single", "ours, journal included": "ours"}
    return compare("SAE codes of 512 words, 4 blocks of 128, 1,024 features", "words/s", {k: prepare(v) for k, v in names.items()})


def bench_rsa() -> pd.DataFrame:
    """Mantel permutations a second, 27 emotions."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(27, 5)), rng.normal(size=(27, 5))

    def prepare(ours: bool):
        def work():
            from scipy.spatial.distance import pdist, squareform
            from scipy.stats import spearmanr

            from shared_affect.rdm import euclidean_rdm
            from shared_affect.rsa import mantel

            labels = [f"e{i}" for i in range(27)]
            if ours:
                return 10_000, lambda: np.array([mantel(euclidean_rdm(a, labels), euclidean_rdm(b, labels), 10_000, np.random.default_rng(1))[0]])

            def loop():
                x, y, g = squareform(pdist(a)), pdist(b), np.random.default_rng(1)
                for _ in range(500):
                    p = g.permutation(27)
                    spearmanr(squareform(x[np.ix_(p, p)], checks=False), y)
                return np.array([spearmanr(squareform(x, checks=False), y)[0]])

            return 500, loop

        return work

    return compare("Mantel test, 27 emotions", "permutations/s", {"scipy spearmanr in a loop": prepare(False), "ours": prepare(True)})


def bench_ratings() -> pd.DataFrame:
    """Nested cross-validated ridge of permuted ratings: targets a second."""
    rng = np.random.default_rng(0)
    x, y = rng.random((354, 200)), rng.normal(size=(354, 200))
    alphas = np.logspace(-2, 5, 15)

    def prepare(ours: bool):
        def work():
            from sklearn.linear_model import Ridge

            from shared_affect.ratings import folds, inner_folds, nested_cv_predict

            groups = np.arange(354)
            outer = folds(groups, 10, np.random.default_rng(1))
            if ours:
                return 200, lambda: nested_cv_predict(x, y, outer, groups, alphas=alphas, n_inner=5, rng=np.random.default_rng(2))[:, :2]

            def loop():
                inner = inner_folds(outer, groups, 5, np.random.default_rng(2))
                out = np.zeros((354, 2))
                for t in range(2):
                    for k, f in enumerate(np.unique(outer)):
                        train = outer != f
                        error = np.zeros(len(alphas))
                        for g in range(5):
                            fit, test = train & (inner[k] != g), train & (inner[k] == g)
                            scale = np.sqrt(x[fit].var(0).mean())
                            for i, alpha in enumerate(alphas):
                                model = Ridge(alpha).fit((x[fit] - x[fit].mean(0)) / scale, y[fit, t])
                                error[i] += ((model.predict((x[test] - x[fit].mean(0)) / scale) - y[test, t]) ** 2).sum()
                        scale = np.sqrt(x[train].var(0).mean())
                        model = Ridge(alphas[error.argmin()]).fit((x[train] - x[train].mean(0)) / scale, y[train, t])
                        out[~train, t] = model.predict((x[~train] - x[train].mean(0)) / scale)
                return out

            return 2, loop

        return work

    return compare("nested ridge, 354 words, 200 features, 10 x 5 folds, 15 penalties", "targets/s", {"scikit-learn Ridge in loops": prepare(False), "ours, many targets at once": prepare(True)})


def bench_steering() -> pd.DataFrame:
    """Steered texts a second: 24 prompts, 24 new tokens."""
    words = [f"w{i}" for i in range(512)]

    def prepare(method: str):
        def work():
            import torch

            from shared_affect.models import load_model
            from shared_affect.steering import Sampling, sample_texts

            torch.set_num_threads(1)
            model_folder, _ = _make_model(Path(tempfile.mkdtemp()), words, d=128, layers=4, d_sae=64)
            model = load_model(model_folder)
            ids, vector = [[1, 5 + i, 9] for i in range(24)], torch.full((24, 128), 0.01)

            def run():
                if method == "ours":
                    return [sum(n) / 24 for n in [sample_texts(model, ids, 1, vector, Sampling(), torch.Generator().manual_seed(0), None)[1]]]
                return [np.mean([sample_texts(model, ids[i : i + 1], 1, vector[i : i + 1], Sampling(), torch.Generator().manual_seed(i), None)[1][0] for i in range(24)])]

            return 24, run

        return work

    return compare("steered texts, 4 blocks of 128 (samples differ, so does their mean NLL)", "texts/s", {"one text at a time": prepare("single"), "ours, one batch": prepare("ours")})


def main(folder: str) -> None:
    """Run all benchmarks and write one CSV each."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name, bench in (("extraction", bench_extraction), ("rsa", bench_rsa), ("ratings", bench_ratings), ("steering", bench_steering)):
        frame = bench()
        frame.to_csv(out / f"{name}.csv", index=False)
        print(frame.drop(columns=["rounds", "machine"]).to_string(index=False, float_format=lambda v: f"{v:.4g}"), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
