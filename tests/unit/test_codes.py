"""Codes, selection, spaces, vectors and predictions on a small made-up model, against naive loops."""

import numpy as np
import pandas as pd
import pytest
from conftest import make_sae
from scipy.sparse import csr_matrix

from shared_affect.base.seeds import Seeds
from shared_affect.features import codes as c
from shared_affect.features.select import select
from shared_affect.ratings.arms import Sources
from shared_affect.ratings.cultures import culture_difference_r, culture_differences
from shared_affect.ratings.folds import draw_folds
from shared_affect.ratings.rated_words import ordinary_words
from shared_affect.ratings.within import predict_language
from shared_affect.spaces.ladder import compare_all
from shared_affect.spaces.rungs import Material, draws, representations
from shared_affect.spaces.space_files import load_spaces, write_spaces
from shared_affect.steering.vectors import build_vectors, halve

EMOTIONS = ("joy", "fear", "anger", "calm", "pride")
SETTINGS = {"fdr": 0.05, "max_density": 0.9, "per_emotion": 4}


def make_codes(emotions=EMOTIONS, per=6, d_sae=64, d=8, n_rated=60, seed=0):
    """Every emotion has three features of its own, every feature noise of its own."""
    words = [f"{e}{i}" for e in emotions for i in range(per)]
    membership = np.kron(np.eye(len(emotions), dtype=bool), np.ones((per, 1), bool))

    def part(words, member):
        rows = []
        for w, m in zip(words, member):
            g = np.random.default_rng([seed, *w.encode()])
            x = np.where(g.random(d_sae) < 0.15, g.random(d_sae), 0)
            for e in np.flatnonzero(m):
                x[3 * e : 3 * e + 3] += 1 + g.random(3)
            rows.append(np.concatenate([x, g.normal(size=2 * d)]))
        rows = np.array(rows, np.float32)
        return c.WordCodes(tuple(words), csr_matrix(rows[:, :d_sae]), rows[:, d_sae : d_sae + d], rows[:, d_sae + d :])

    rated = [f"w{i}" for i in range(n_rated)] + ["joy0"]
    return c.LanguageCodes(
        tuple(emotions),
        membership,
        part(words, membership),
        part(rated, np.zeros((len(rated), len(emotions)), bool)),
        np.full(d_sae, 0.1),
    )


@pytest.fixture(scope="module")
def codes():
    return make_codes()


@pytest.fixture(scope="module")
def more():
    return make_codes((*EMOTIONS, "nostalgia"))


def test_codes_come_back_from_their_file(codes, tmp_path):
    c.write_codes(tmp_path / "a.npz", codes)
    c.write_codes(tmp_path / "b.npz", codes)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = c.load_codes(tmp_path / "a.npz")
    stored = c.StoredCodes({"en": tmp_path / "a.npz", "zh": tmp_path / "b.npz"})
    assert list(stored) == ["en", "zh"] and stored["zh"] is not stored["zh"]
    np.testing.assert_array_equal(stored["zh"].rated.dense, back.rated.dense)
    assert back.emotions == codes.emotions and back.concepts.words == codes.concepts.words
    np.testing.assert_array_equal(back.concepts.sparse.toarray(), codes.concepts.sparse.toarray())
    np.testing.assert_array_equal(back.rated.rows(["w3", "w1"]).dense, codes.rated.dense[[3, 1]])
    with pytest.raises(ValueError, match="'unseen' has no codes"):
        codes.rated.rows(["unseen"])


def test_words_that_share_pieces_with_another_emotion_are_left_out(codes, tmp_path):
    tokens = {w: [w] for w in codes.concepts.words} | {
        "joy0": ["x"],
        "fear0": ["x", "y"],
        "joy1": ["own"],
        "joy2": ["own", "z"],
    }
    left = c.drop_shared_tokens(codes, tokens)
    assert set(codes.concepts.words) - set(left.concepts.words) == {"joy0", "fear0"} and left.rated is codes.rated
    # what is left out of the sets is still no ordinary word
    norms = pd.DataFrame({"word": ["joy0", "fear1", *codes.rated.words[:2]]})
    assert left.left_out == ("joy0", "fear0") and ordinary_words(left, norms) == ordinary_words(codes, norms) == list(
        codes.rated.words[:2]
    )
    c.write_codes(tmp_path / "left.npz", left)
    assert c.load_codes(tmp_path / "left.npz").left_out == left.left_out
    one = {w: [w] for w in codes.concepts.words} | {
        w: ["x"] for w in codes.concepts.words if w.startswith(("joy", "fear"))
    }
    with pytest.raises(ValueError, match="keeps 0"):
        c.drop_shared_tokens(codes, one)


def test_an_emotion_all_of_whose_words_share_pieces_gets_some_back(codes):
    """As grief in Chinese, whose words are written with sadness' characters: its words come back, not the others'."""
    joy, fear = ([w for w in codes.concepts.words if w.startswith(e)] for e in ("joy", "fear"))
    tokens = {w: [w] for w in codes.concepts.words} | {w: [w, f"x{k % 2}"] for k, w in enumerate([*joy, *fear[:2]])}
    left = c.drop_shared_tokens(codes, tokens)
    assert [w for w in left.concepts.words if w in joy] == joy[:4]
    assert [w for w in left.concepts.words if w in fear] == fear[2:]
    assert set(left.left_out) == {*joy[4:], *fear[:2]}
    # an emotion that keeps enough gets nothing back
    tokens |= {w: [w] for w in joy[-2:]}
    assert [w for w in c.drop_shared_tokens(codes, tokens).concepts.words if w in joy] == joy[-2:]


def test_selection_finds_the_planted_features(codes):
    found = select(codes, set(EMOTIONS), SETTINGS)
    for k, e in enumerate(EMOTIONS):
        assert {3 * k, 3 * k + 1, 3 * k + 2} <= set(found["feature"][found["emotion"] == e])


def test_an_added_emotion_outside_the_contrast_changes_no_other(codes, more):
    before = select(codes, set(EMOTIONS), SETTINGS)
    after = select(more, set(EMOTIONS), SETTINGS)
    pd.testing.assert_frame_equal(after[after["emotion"] != "nostalgia"].reset_index(drop=True), before)
    assert set(after["emotion"]) == {*EMOTIONS, "nostalgia"}
    inside = select(more, {*EMOTIONS, "nostalgia"}, SETTINGS)
    assert not inside[inside["emotion"] != "nostalgia"].reset_index(drop=True).equals(before)


def test_selection_reads_only_the_words_it_is_given(codes):
    used = {w for w in codes.concepts.words if int(w[-1]) < 3}
    kept = [w in used for w in codes.concepts.words]
    cut = c.LanguageCodes(
        codes.emotions,
        codes.membership[kept],
        codes.concepts.rows([w for w in codes.concepts.words if w in used]),
        codes.rated,
        codes.density,
    )
    columns = ["emotion", "feature", "weight", "auroc_emotion"]
    pd.testing.assert_frame_equal(
        select(codes, set(EMOTIONS), SETTINGS, words=used)[columns], select(cut, set(EMOTIONS), SETTINGS)[columns]
    )


def test_vectors_are_built_from_one_half_and_do_not_move_when_an_emotion_is_added(codes, more, tmp_path):
    sae = make_sae(tmp_path / "sae", d_in=8, d_sae=64)
    settings = {"n_random": 20, "root_seed": 5, "names": ("m", "s", "en")}
    before, after = (build_vectors(x, set(EMOTIONS), sae, SETTINGS, **settings) for x in (codes, more))
    for e in EMOTIONS:
        (vectors, facts), (again, facts_again) = before[e], after[e]
        assert facts == facts_again and all(np.array_equal(vectors[k], again[k]) for k in vectors)
        assert (
            not set(facts["words_used"]) & set(facts["words_held_out"])
            and len(facts["words_used"]) == len(facts["words_held_out"]) == 3
        )
        np.testing.assert_allclose(
            [np.linalg.norm(v) for v in (vectors["concept"], vectors["diff-means"], *vectors["random"])], 1, rtol=1e-6
        )
        assert vectors["random"].shape == (20, 8) and np.array_equal(vectors["random"], before["joy"][0]["random"])
        where = {w: i for i, w in enumerate(codes.concepts.words)}
        own = np.mean([codes.concepts.dense[where[w]] for w in facts["words_used"]], axis=0)
        other = np.mean(
            [codes.concepts.dense[where[w]] for f in EMOTIONS if f != e for w in before[f][1]["words_used"]], axis=0
        )
        np.testing.assert_allclose(vectors["diff-means"], (own - other) / np.linalg.norm(own - other), atol=1e-6)
    # a held-out word's codes never enter: replace them all by noise
    held = {w for _, facts in before.values() for w in facts["words_held_out"]}
    x = codes.concepts.sparse.toarray()
    x[[w in held for w in codes.concepts.words]] = 7.0
    spoilt = c.LanguageCodes(
        codes.emotions,
        codes.membership,
        c.WordCodes(codes.concepts.words, csr_matrix(x), codes.concepts.dense, codes.concepts.static),
        codes.rated,
        codes.density,
    )
    for e, (vectors, _) in build_vectors(spoilt, set(EMOTIONS), sae, SETTINGS, **settings).items():
        np.testing.assert_array_equal(vectors["concept"], before[e][0]["concept"])


def test_halves_depend_on_seed_language_and_emotion_alone(codes, more):
    assert halve(codes, EMOTIONS, "en", 3) == {
        e: v for e, v in halve(more, more.emotions, "en", 3).items() if e != "nostalgia"
    }
    assert halve(codes, EMOTIONS, "en", 3) != halve(codes, EMOTIONS, "en", 4) != halve(codes, EMOTIONS, "zh", 4)


def test_representations_against_a_loop(codes):
    selected = np.array([0, 4, 7, 9, 12])
    found = representations(Material(codes, selected))
    x = codes.concepts.sparse.toarray().astype(float)
    for name, points in {
        "sae-space": x[:, selected],
        "sae-all": x,
        "dense": codes.concepts.dense,
        "static": codes.concepts.static,
    }.items():
        points = points - points.mean(0)
        centres = [points[codes.membership[:, k]].mean(0) for k in range(5)]
        for i in range(5):
            for j in range(5):
                cosine = centres[i] @ centres[j] / np.linalg.norm(centres[i]) / np.linalg.norm(centres[j])
                assert found[name].values[i, j] == pytest.approx(0 if i == j else 1 - cosine, abs=1e-5)


def test_spaces_are_compared_by_label_and_every_rung_is_there(codes, tmp_path):
    random = draws(Material(codes, np.array([0, 4, 7, 9, 12])), 6, Seeds(2))
    assert {k: v.shape for k, v in random.items()} == {"random-sae": (6, 5, 5), "shuffled-concepts": (6, 5, 5)}
    write_spaces(tmp_path / "s.npz", representations(Material(codes, np.arange(15))), random)
    spaces = load_spaces(tmp_path / "s.npz")
    rdms = spaces.rdms
    judged = ["calm", "anger", "joy", "fear"]  # another order, one emotion less
    judgements = pd.DataFrame(
        [
            {
                "rater": r,
                "emotion_a": a,
                "emotion_b": b,
                "dissimilarity": rdms["sae-all"].subset((a, b)).values[0, 1] * 5 + 0.01 * k,
            }
            for k, r in enumerate("xyz")
            for i, a in enumerate(judged)
            for b in judged[i + 1 :]
        ]
    )
    affect = pd.DataFrame(
        {
            "emotion": judged,
            "valence": [0.3, -0.5, 0.8, -0.6],
            "arousal": [-0.5, 0.7, 0.4, 0.6],
            "valence_class": ["positive", "negative", "positive", "negative"],
        }
    )
    rsa, differences = compare_all(
        spaces, judgements, affect, pairs=["all"], n_permutations=99, n_bootstrap=50, seeds=Seeds(3)
    )
    assert {r for r in rsa["representation"] if "dense-pc" not in r and "beyond" not in r} == {
        "sae-space",
        "sae-all",
        "sae-euclidean",
        "dense",
        "static",
        "random-sae",
        "shuffled-concepts",
        "valence-sign",
        "valence-arousal",
    }
    same = rsa[(rsa["representation"] == "sae-all") & (rsa["statistic"] == "rho-a")].iloc[0]
    assert same["rho"] == pytest.approx(1) and same["n_emotions"] == 4
    assert {("sae-space", "static"), ("sae-all", "dense")} <= set(
        zip(differences["representation_a"], differences["representation_b"])
    )


PAIRS = pd.DataFrame({"pair": [1, 2, 3], "en": ["w0", "w1", "w2"], "zh": ["甲", "乙", "丙"]})


def test_concept_words_are_not_predicted(codes):
    norms = pd.DataFrame({"word": ["joy0", "w0", "w5"]})
    assert ordinary_words(codes, norms) == ["w0", "w5"]


def test_a_planted_rating_is_predicted_and_noise_is_not(codes):
    words = codes.rated.words
    g = np.random.default_rng(3)
    x = codes.rated.sparse.toarray()
    truth = x[:, :15] @ g.normal(size=15)
    frame = {"word": list(words), "valence": truth / np.abs(truth).max(), "arousal": g.uniform(-1, 1, len(words))}
    norms = pd.DataFrame(frame | {f"{d}_{s}": v for d in ("valence", "arousal") for s, v in (("sd", 0.1), ("n", 20))})
    settings = {"n_outer": 5, "n_inner": 3, "n_permutations": 99, "n_bootstrap": 50, "n_matched": 5, "margin": 0.02}
    folds = draw_folds({"en": words}, PAIRS[["pair", "en"]], {"en": "none"}, 5, np.random.default_rng(1))
    result = predict_language(
        codes,
        "en",
        norms,
        folds,
        Sources(np.arange(15)),
        dimensions=["valence", "arousal"],
        settings=settings,
        seeds=Seeds(2),
    )
    r = result["scores"].set_index(["dimension", "arm"])["r"]
    assert r["valence", "emotion-space"] > 0.8 and abs(r["arousal", "emotion-space"]) < 0.4
    assert set(result["predictions"].index) == set(words) - {"joy0"}


def test_culture_differences_read_the_right_rows():
    g = np.random.default_rng(4)
    predictions = {
        k: pd.DataFrame(
            {
                "word": PAIRS[k].tolist() * 2,
                "arm": ["all"] * 3 + ["dense"] * 3,
                "dimension": "valence",
                "prediction": g.normal(size=6),
            }
        )
        for k in ("en", "zh")
    }
    values = {k: pd.DataFrame({"word": PAIRS[k], "valence": g.normal(size=3)}) for k in ("en", "zh")}
    found = culture_differences(predictions, values, PAIRS, n_bootstrap=20, rng=g).iloc[0]
    sides = ({k: f[k][c].iloc[:3] for k in f} for f, c in ((predictions, "prediction"), (values, "valence")))
    assert (
        found["r"] == pytest.approx(culture_difference_r(*sides, n_bootstrap=2, rng=g)["r"]) and found["n_pairs"] == 3
    )
