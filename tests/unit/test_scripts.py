"""Every script is a function that can be called without a workflow."""

import ast
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from shared_affect.base.tables import read_emotions, read_tsv, write_tsv
from shared_affect.features.codes import WordCodes, attach_sets, write_codes

FOLDER = Path(__file__).resolve().parents[2] / "workflow/scripts"
SCRIPTS = sorted(p.stem for p in FOLDER.glob("*.py"))


def function_of(name):
    """The function of a script, imported as from a notebook."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def described(docstring):
    """Parameters that a numpydoc docstring describes, with their types."""
    section = re.search(r"\n +Parameters\n +-+\n(.*?)(?=\n +\w+\n +-+\n|\Z)", docstring, flags=re.S)
    entries = re.findall(r"^ {4}(\w[\w, ]*) : (\S.*)$", section[1] if section else "", flags=re.M)
    return [(name, kind) for names, kind in entries for name in names.split(", ")]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_one_documented_function(name):
    function = function_of(name)
    parameters = inspect.signature(function).parameters.values()
    assert [p.name for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)] == []
    names = [n for n, _ in described(function.__doc__)]
    assert len(names) == len(set(names)) and set(names) == {p.name for p in parameters}


@pytest.mark.parametrize("name", SCRIPTS)
def test_only_the_last_lines_of_a_script_know_snakemake(name):
    *rest, main = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")).body
    assert ast.unparse(main.test) == "__name__ == '__main__'"
    assert "snakemake.log[0]" in ast.unparse(main.body[0]) and "start_log" in ast.unparse(main.body[0])
    known = {n.id for node in rest for n in ast.walk(node) if isinstance(n, ast.Name)}
    assert "snakemake" not in known
    assert [n.name for n in rest if isinstance(n, ast.FunctionDef | ast.ClassDef)] == [name]


def test_what_a_docstring_describes_is_read_with_its_type():
    text = """A.

    Parameters
    ----------
    a, b : path
        Two (tsv).
    c : int

    Returns
    -------
    d : int
    """
    assert described(text) == [("a", "path"), ("b", "path"), ("c", "int")]


WORDS = {
    "joy": ["glad", "merry", "happy", "sunny"],
    "fear": ["afraid", "scared", "panic", "dread"],
    "anger": ["rage", "fury", "wrath", "ire"],
    "calm": ["calm", "quiet", "still", "peace"],
}
RATED = [f"word{chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(80)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Made-up inputs of the stages behind extraction: codes in which each emotion has features of its own."""
    folder = tmp_path_factory.mktemp("scripts")
    draw = np.random.default_rng(0)
    concepts = [w for words in WORDS.values() for w in words]
    x = draw.random((len(concepts), 40)) * (draw.random((len(concepts), 40)) < 0.3)
    for k in range(len(WORDS)):
        x[4 * k : 4 * k + 4, 3 * k : 3 * k + 3] += 1
    y = draw.random((len(RATED), 40)) * (draw.random((len(RATED), 40)) < 0.5)

    def codes_of(words, values):
        dense = np.ascontiguousarray(values[:, :8], np.float32)
        return WordCodes(tuple(words), csr_matrix(values.astype(np.float32)), dense, dense + 1)

    codes = attach_sets(codes_of(concepts, x), WORDS, codes_of(RATED, y), np.full(40, 0.01))
    write_codes(folder / "codes.npz", codes)
    rows = [f"{e}\t{str(e != 'calm').lower()}\ttrue" for e in WORDS]
    (folder / "emotions.tsv").write_text("\n".join(["emotion\tbasic\tcontrast", *rows]) + "\n", encoding="utf-8")
    matches = pd.DataFrame({"emotion": np.repeat(list(WORDS), 4), "target": concepts, "control": RATED[:16]})
    write_tsv(folder / "matches.tsv", matches.assign(distance=1.0))
    words = pd.DataFrame({"emotion": np.repeat(list(WORDS), 4), "word": concepts, "source": "authored"})
    words = words.assign(strength=1.0, n_sets=1, n_tokens=1, broken_share=0.0, in_norms=False)
    write_tsv(folder / "words.tsv", words.assign(log10_count=np.nan, concreteness=np.nan))
    valence = y[:, :3].sum(1)
    valence = 2 * (valence - valence.min()) / np.ptp(valence) - 1
    norms = pd.DataFrame({"word": RATED, "valence": valence, "arousal": -valence})
    write_tsv(folder / "norms.tsv", norms.assign(valence_sd=0.3, valence_n=20, arousal_sd=0.3, arousal_n=20))
    affect = pd.DataFrame({"emotion": list(WORDS), "valence": [0.9, -0.8, -0.9, 0.7], "arousal": [0.5, 0.7, 0.8, -0.9]})
    write_tsv(
        folder / "affect.tsv", affect.assign(valence_class=np.where(affect["valence"] > 0, "positive", "negative"))
    )
    pairs = [(a, b) for i, a in enumerate(WORDS) for b in list(WORDS)[i + 1 :]]
    judged = [(f"{r:02}", a, b, draw.integers(1, 8)) for r in range(6) for a, b in pairs]
    columns = ["rater", "emotion_a", "emotion_b", "dissimilarity"]
    write_tsv(folder / "judgements.tsv", pd.DataFrame(judged, columns=columns))
    return folder


def test_features_and_space_of_made_up_codes_without_a_workflow(data, tmp_path):
    settings = {"per_emotion": 3, "fdr": 0.5, "max_density": 0.2, "split_half": 3, "shuffles": 3}
    files = [tmp_path / f"{e}.tsv" for e in WORDS]
    names = ("", "model", "sae", "en")
    own = dict(settings=settings, root_seed=1, names=names)
    shown = (tmp_path / "use.tsv", tmp_path / "reproducibility.tsv")
    function_of("select_features")(
        data / "codes.npz", data / "emotions.tsv", data / "matches.tsv", files[::-1], *shown, **own
    )
    for k, path in enumerate(files):
        frame = read_tsv(path)
        assert set(frame["emotion"]) == {path.stem} and set(frame["feature"]) == {3 * k, 3 * k + 1, 3 * k + 2}
    assert all(len(read_tsv(f)) for f in shown)
    how = dict(settings=settings, n_draws=5, n_permuted=3, root_seed=1, names=names)
    inputs = {"controls": data / "matches.tsv"} | {k: data / f"{k}.tsv" for k in ("words", "emotions")}
    inputs |= {"codes": data / "codes.npz", "features": files, "associations": [], "corpus": None}
    for name in ("space", "again"):
        function_of("build_space")(inputs, tmp_path / f"{name}.npz", **how)
    assert {"rdm_word-length", "rdm_dense-pc1"} <= set(np.load(tmp_path / "space.npz"))
    assert (tmp_path / "space.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    out = (tmp_path / "dimensions.tsv", tmp_path / "coordinates.tsv")
    function_of("find_dimensions")(
        tmp_path / "space.npz", data / "affect.tsv", *out, n_permutations=9, n_bootstrap=9, root_seed=1, names=names
    )
    assert set(read_tsv(out[1])["emotion"]) == set(WORDS)


def test_ceilings_of_made_up_raters_without_a_workflow(data, tmp_path):
    how = dict(pairs=["all"], human="made-up", language="en", human_language="en", root_seed=1)
    function_of("find_human_ceilings")(data / "judgements.tsv", data / "affect.tsv", tmp_path / "h.tsv", **how)
    frame = read_tsv(tmp_path / "h.tsv")
    assert set(frame["human"]) == {"made-up"} and (frame["n_raters"] == 6).all()
    function_of("find_norm_ceilings")(data / "norms.tsv", tmp_path / "n.tsv", human="made-up", human_language="en")
    assert read_tsv(tmp_path / "n.tsv")["value"].between(0, 1).all()


def test_shuffled_norms_of_a_file_in_standard_form_without_a_workflow(data, tmp_path):
    how = dict(loader="standard", digests=[None], script="latin", language="en", root_seed=1)
    for shuffle in ("none", "norms"):
        function_of("prepare_norms")([data / "norms.tsv"], tmp_path / f"{shuffle}.tsv", shuffle=shuffle, **how)
    own, permuted = (read_tsv(tmp_path / f"{k}.tsv") for k in ("none", "norms"))
    assert own["word"].tolist() == permuted["word"].tolist() and own["valence"].tolist() != permuted["valence"].tolist()
    np.testing.assert_allclose(sorted(own["valence"]), sorted(permuted["valence"]))


def test_the_planted_raters_without_a_workflow(root, tmp_path):
    out = [
        {k: tmp_path / f"{name}_{k}.tsv" for k in ("en", "zh")} for name in ("norms", "judgements", "centres", "truth")
    ]
    tables = [{k: root / f"resources/{kind}/{k}.tsv" for k in ("en", "zh")} for kind in ("concepts", "templates")]
    function_of("make_planted_human")(root / "resources/planted", *tables, *out, root_seed=3)
    assert all(set(read_tsv(path)["language"]) == {k} for k, path in out[3].items())


def test_folds_of_made_up_words_without_a_workflow(data, tmp_path):
    pairs = pd.DataFrame({"en": RATED[:2], "xx": ["a", "b"], "pair": ["1", "2"]})
    write_tsv(tmp_path / "pairs.tsv", pairs)
    how = dict(lemma_rules={"en": "snowball-english"}, n_folds=4, root_seed=1, name="made-up")
    function_of("draw_folds")({"en": data / "norms.tsv"}, tmp_path / "pairs.tsv", tmp_path / "folds.tsv", **how)
    assert set(read_tsv(tmp_path / "folds.tsv")["fold"]) == set(range(4))


def test_concepts_of_the_committed_table_without_a_workflow(root, tmp_path):
    emotions = read_emotions(root / "resources/emotions.tsv")["emotion"].tolist()
    how = dict(emotions=emotions, known=emotions, contrast=emotions, own=2, root_seed=1, language="en")
    how |= dict(kind="table", source="authored", how={"script": "latin", "settings": {}})
    for shuffle in ("none", "concepts"):
        function_of("build_concepts")(
            root / "resources/concepts/en.tsv", None, tmp_path / f"{shuffle}.tsv", **how, shuffle=shuffle
        )
    own, permuted = (read_tsv(tmp_path / f"{k}.tsv") for k in ("none", "concepts"))
    assert sorted(own["word"]) == sorted(permuted["word"]) and own["word"].tolist() != permuted["word"].tolist()


def test_the_example_of_the_page_runs(root, data, tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (root / "docs/workflow.md").read_text(encoding="utf-8"), flags=re.S)
    (tmp_path / "workflow").symlink_to(root / "workflow")
    (tmp_path / "results/planted/human/planted").mkdir(parents=True)
    (tmp_path / "results/planted/human/planted/norms_en.tsv").symlink_to(data / "norms.tsv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path.copy())
    exec(code, {})
    assert set(read_tsv(tmp_path / "ceilings.tsv")["human"]) == {"planted"}
