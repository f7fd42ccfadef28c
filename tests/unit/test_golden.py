"""Golden values of extraction and generation. If one moves, a journal of weeks of accelerator time would be served
against other code: raise VERSION in the module and write the new value here, together."""

import hashlib
import json

import numpy as np
import pytest
from conftest import make_model, make_sae

from shared_affect.features import extraction
from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.readout import read_codes
from shared_affect.models.interventions import Intervention
from shared_affect.models.load import Numerics
from shared_affect.models.sae_folder import decoder_directions
from shared_affect.models.sampling import Sampling
from shared_affect.steering import generate as steering
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.plan import Chunk, Prompt


def fixed_model(folder):
    """Weights from NumPy, so that they do not depend on torch's initialisation."""
    from safetensors.numpy import load_file, save_file

    make_model("llama", folder)
    path = folder / "model.safetensors"
    rng = np.random.default_rng(11)
    weights = load_file(path)
    save_file(
        {
            k: np.ones_like(v) if v.ndim == 1 else rng.normal(0, 0.25, v.shape).astype(np.float32)
            for k, v in sorted(weights.items())
        },
        path,
        metadata={"format": "pt"},
    )
    return folder


def test_extraction_version(tmp_path):
    ex = Extractor(
        fixed_model(tmp_path / "m"),
        {"s": SaeSource(str(make_sae(tmp_path / "s")), 1)},
        "en",
        Numerics(),
        tmp_path / "j",
    )
    a = ex.words({"x": ["joy", "sadness", "table"]}, {"bare": "{word}.", "is": "the word is {word}."})["s"]["x"]
    codes = read_codes(a, ["bare", "is"], "word-after")
    found = {
        "version": extraction.VERSION,
        "active": int((codes > 0).sum()),
        "sum": float(codes.sum()),
        "dense": float(np.abs(a["dense"]).sum()),
    }
    assert found == pytest.approx({"version": 2, "active": 152, "sum": 482.38, "dense": 1384.9}, rel=1e-4)


AS_SAVED = {
    "metadata": {
        "sae_lens_version": "6.54.12",
        "training_architecture": "batchtopk",
        "training_architecture_details": {"k": 16},
    }
}
ARCHITECTURES = {
    "standard": ("standard", {}),
    "top-k": ("topk", {}),
    "top-k, decoder norms": ("topk", {"rescale_acts_by_decoder_norm": True}),
    "JumpReLU": ("jumprelu", {}),
    "BatchTopK as saved": ("jumprelu", AS_SAVED),
    "gated": ("gated", {}),
    "bias left on, layer norm": ("standard", {"apply_b_dec_to_input": False, "normalize_activations": "layer_norm"}),
    "constant norm": ("jumprelu", {"normalize_activations": "constant_norm_rescale"}),
}
# version, active codes, their sum, what they rebuild; explained variance, L0 and summed density of running text
GOLDEN_CODES = {
    "standard": [2, 154, 482.55542, 579.754395, -7.116903, 27.75, 27.75],
    "top-k": [2, 65, 272.405518, 461.445007, -5.484622, 8.0, 8.0],
    "top-k, decoder norms": [2, 65, 460.733948, 447.489807, -5.264975, 8.0, 8.0],
    "JumpReLU": [2, 152, 482.381958, 579.553467, -7.114608, 27.25, 27.25],
    "BatchTopK as saved": [2, 144, 479.957397, 577.779053, -7.099223, 24.625, 24.625],
    "gated": [2, 151, 501.690521, 623.848267, -7.852822, 27.1875, 27.1875],
    "bias left on, layer norm": [2, 157, 108.119652, 125.83242, -6.622099, 28.3125, 28.3125],
    "constant norm": [2, 143, 112.214729, 130.699463, -7.372887, 25.5, 25.5],
}


@pytest.mark.parametrize("case", ARCHITECTURES)
def test_extraction_version_of_every_architecture(tmp_path, case):
    from safetensors.numpy import load_file, save_file

    architecture, cfg = ARCHITECTURES[case]
    sae = make_sae(tmp_path / "s", architecture, **cfg)
    if cfg is AS_SAVED:  # one threshold for all features
        weights = load_file(sae / "sae_weights.safetensors")
        save_file(weights | {"threshold": np.full(64, 0.9, np.float32)}, sae / "sae_weights.safetensors")
    ex = Extractor(fixed_model(tmp_path / "m"), {"s": SaeSource(str(sae), 1)}, "en", Numerics(), tmp_path / "j")
    codes = read_codes(
        ex.words({"x": ["joy", "sadness", "table"]}, {"bare": "{word}.", "is": "the word is {word}."})["s"]["x"],
        ["bare", "is"],
        "word-after",
    )
    rebuilt = codes @ decoder_directions(sae)
    texts = ["the word is joy.", "now think of stone.", "the table is the word."]
    facts = ex.running_text(texts, texts)["s"]
    found = [
        extraction.VERSION,
        int((codes > 0).sum()),
        float(codes.sum()),
        float(np.abs(rebuilt).sum()),
        float(facts["explained_variance"][0]),
        float(facts["l0"][0]),
        float(facts["density"].sum()),
    ]
    assert found == pytest.approx(GOLDEN_CODES[case], rel=1e-4)


def test_generation_version(tmp_path):
    g = Generator(
        Place(fixed_model(tmp_path / "m"), make_sae(tmp_path / "s"), 0, 1.0),
        "en",
        Sampling(max_new_tokens=8),
        numerics=Numerics(),
        journal_folder=tmp_path / "j",
        root_seed=3,
    )
    prompts = Prompt("p1", "choose", "the word"), Prompt("p2", "score", "now")
    chunk = Chunk("joy", "concept", Intervention(np.eye(32)[0], 0.5), prompts)
    texts = g.run([chunk], "x")[chunk.name]
    digest = hashlib.sha256(json.dumps([t["text"] for t in texts], ensure_ascii=False).encode()).hexdigest()[:12]
    assert (steering.VERSION, digest) == (4, "d9489fb43281")
    assert [t["nll"] for t in texts] == pytest.approx([3.335, 2.814], abs=2e-3)
