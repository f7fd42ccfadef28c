"""Golden values of extraction and generation. If one moves, a journal of weeks of accelerator time would be served
against other code: raise VERSION in the module and write the new value here, together."""

import hashlib
import json

import numpy as np
import pytest
from conftest import make_model, make_sae

from shared_affect import extraction, steering
from shared_affect.codes import read_codes
from shared_affect.extraction import Extractor, Numerics, SaeSource
from shared_affect.steering import Generator, Prompt, Sampling


def fixed_model(folder):
    """Weights from NumPy, so that they do not depend on torch's initialisation."""
    from safetensors.numpy import load_file, save_file

    make_model("llama", folder)
    path = folder / "model.safetensors"
    rng = np.random.default_rng(11)
    weights = load_file(path)
    save_file({k: (np.ones_like(v) if v.ndim == 1 else rng.normal(0, 0.25, v.shape).astype(np.float32)) for k, v in sorted(weights.items())}, path, metadata={"format": "pt"})
    return folder


def test_extraction_version(tmp_path):
    ex = Extractor(fixed_model(tmp_path / "m"), {"s": SaeSource(str(make_sae(tmp_path / "s")), 1)}, "en", Numerics(), tmp_path / "j")
    a = ex.words({"x": ["joy", "sadness", "table"]}, {"bare": "{word}.", "is": "the word is {word}."})["s"]["x"]
    codes = read_codes(a, ["bare", "is"], "word-after")
    found = {"version": extraction.VERSION, "active": int((codes > 0).sum()), "sum": float(codes.sum()), "dense": float(np.abs(a["dense"]).sum())}
    assert found == pytest.approx({"version": 2, "active": 152, "sum": 482.38, "dense": 1384.9}, rel=1e-4)


def test_generation_version(tmp_path):
    g = Generator(model_folder=fixed_model(tmp_path / "m"), sae_folder=make_sae(tmp_path / "s"), layer=0, residual_norm=1.0, language="en",
                  prompts=[Prompt("p1", "choose", "the word"), Prompt("p2", "score", "now")], sampling=Sampling(max_new_tokens=8), numerics=Numerics(), journal_folder=tmp_path / "j", root_seed=3)
    texts = g.run([("joy", "concept", 0.5, np.eye(32, dtype=np.float32)[0])], "x")["joy", "concept", 0.5]
    digest = hashlib.sha256(json.dumps([t["text"] for t in texts], ensure_ascii=False).encode()).hexdigest()[:12]
    assert (steering.VERSION, digest) == (3, "96b079cff575")
    assert [t["nll"] for t in texts] == pytest.approx([3.655, 3.008], abs=2e-3)
