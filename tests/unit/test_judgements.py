"""Judgements of pairs of emotions, and what a right reading of them gives."""

import itertools

import numpy as np
import openpyxl
import pandas as pd
import pytest

from shared_affect.human import judgements
from shared_affect.human.loaders import load
from shared_affect.human.norms import read_warriner
from shared_affect.human.standard import read_affect, studied_pairs
from shared_affect.ratings.scores import find_ceilings
from shared_affect.spaces.ceilings import ceilings
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.rdm import RDM, RaterRDMs, euclidean_rdm
from shared_affect.spaces.rsa import Repeats, compare_spaces

NAMES = ["joy", "anger", "fear", "calm"]
VALUES = np.array([[9, 8, 2, 3, 7, 8.5], [8, 9, 1, 2, 9, 7]])


def made_up(folder, values=VALUES, order=NAMES, labels=NAMES):
    """Files in the published form: `values` belong to `labels`, the order file says `order`."""
    pairs = list(itertools.combinations(range(len(labels)), 2))
    lines = [",".join(f"V{k + 1}" for k in range(len(pairs)))] + [",".join(map(str, row)) for row in values]
    (folder / "ind.csv").write_text("\n".join(lines) + "\n")
    (folder / "order.csv").write_text("\r\n".join(order) + "\r\n")
    book = openpyxl.Workbook()
    book.active.append(["EmoPair_1", "EmoPair_2", "DistMean", "DistStd", "raw_ 1"])
    means = {tuple(sorted((labels[i], labels[j]))): VALUES[:, k].mean() for k, (i, j) in enumerate(pairs)}
    for (a, b), mean in sorted(means.items()):
        book.active.append([a, b, mean, 1.0, None])
    book.active.append(["joy", "neutral", 5.0, 1.0, 5])
    book.save(folder / "data.xlsx")
    return folder / "ind.csv", folder / "order.csv", folder / "data.xlsx"


def test_numbers_without_labels_get_theirs(tmp_path):
    frame = judgements.read_li2024(*made_up(tmp_path))
    assert len(frame) == 12 and list(frame) == [
        "rater",
        "emotion_a",
        "emotion_b",
        "dissimilarity",
        "dissimilarity_m1to1",
    ]
    found = {(r.rater, frozenset((r.emotion_a, r.emotion_b))): r.dissimilarity for r in frame.itertuples()}
    assert (
        found["r1", frozenset(("joy", "calm"))] == 2
        and found["r2", frozenset(("fear", "calm"))] == 7
        and found["r1", frozenset(("anger", "fear"))] == 3
    )
    assert RaterRDMs.from_long(frame).raters == ("r1", "r2") and frame["dissimilarity_m1to1"].iloc[0] == 1


def test_a_wrong_order_is_refused(tmp_path):
    with pytest.raises(
        ValueError,
        match=(
            r"column V2 has mean 8.5000, but for anger - calm row 2 of data.xlsx has 8.0000; expected the columns in"
            r" the order of order.csv"
        ),
    ):
        judgements.read_li2024(*made_up(tmp_path, order=["anger", "joy", "calm", "fear"]))
    with pytest.raises(ValueError, match=r"column V1 has mean 8.0000"):
        judgements.read_li2024(*made_up(tmp_path, values=VALUES[:, ::-1][:, [1, 2, 3, 4, 5, 0]]))


@pytest.mark.parametrize(
    ("values", "order", "message"),
    [
        (np.where(VALUES == 1, 0, VALUES), NAMES, "line 3: V3 is '0.0'; expected a number from 1 to 9"),
        (VALUES[:, :5], NAMES, "column 'V6' is missing"),
        (VALUES, ["joy", "anger", "joy", "calm"], "line 3: label 'joy' stands in line 1 too"),
        (VALUES, ["joy", "anger", "fear", "peace"], "pair joy - peace is not in data.xlsx"),
    ],
)
def test_bad_judgements_are_named(tmp_path, values, order, message):
    files = made_up(tmp_path, order=order)
    files[0].write_text(
        "\n".join([",".join(f"V{k + 1}" for k in range(values.shape[1])), *(",".join(map(str, row)) for row in values)])
    )
    with pytest.raises(ValueError, match=message):
        judgements.read_li2024(*files)


def attributes(folder, order=NAMES):
    names = ["arousal", "valence", *(f"a{k}" for k in range(12))]
    rated = pd.DataFrame({"arousal": [0.2, 0.8, 0.7, -0.6], "valence": [0.9, -0.7, -0.8, 0.5]}, index=NAMES)
    scaled = (rated - rated.min()) / (rated.max() - rated.min())
    frame = pd.concat(
        [scaled, pd.DataFrame(np.linspace(0, 1, 48).reshape(4, 12), index=NAMES, columns=names[2:])], axis=1
    )
    frame.to_csv(folder / "scores.csv", index=False)
    rated.sort_index().to_csv(folder / "average.csv", index=False)
    (folder / "order.csv").write_text("\n".join(order))
    (folder / "emotions.txt").write_text("\n".join(sorted([*NAMES, "neutral"])))
    return folder / "scores.csv", folder / "order.csv", folder / "average.csv", folder / "emotions.txt"


def test_attributes_are_held_against_labelled_ones(tmp_path):
    frame = judgements.read_li2024_attributes(*attributes(tmp_path)).set_index(["emotion", "attribute"])
    assert (
        len(frame) == 56
        and frame.loc[("joy", "valence"), "score_0to1"] == 1
        and frame.loc[("fear", "valence"), "score"] == -1
    )
    with pytest.raises(
        ValueError, match=r"scores.csv, line 2: (valence|arousal) of 'anger' is .*; expected .*, from average.csv"
    ):
        judgements.read_li2024_attributes(*attributes(tmp_path, order=["anger", "joy", "fear", "calm"]))


# --- the published files --------------------------------------------------------------------------------------------

LI = "ModelEmotion_Li2024"


@pytest.fixture(scope="module")
def real(published_files, tmp_path_factory):
    """Raters, valence classes and valence by Warriner, and the attributes, as the workflow prepares them."""
    frame = load(
        "judgements",
        "li2024",
        [published_files(LI, f) for f in ("ind_dist_subjective_comparison.csv", "reordered_emotions.csv", "data.xlsx")],
    )
    raters = RaterRDMs.from_long(frame)
    prepared = tmp_path_factory.mktemp("norms") / "norms_en.tsv"
    read_warriner(published_files("Warriner2013", "Ratings_Warriner_et_al.csv")).to_csv(prepared, sep="\t", index=False)
    affect = read_affect(prepared, raters.labels, 0, {e: e for e in raters.labels})
    table = load(
        "attributes",
        "li2024-attributes",
        [
            published_files(LI, f)
            for f in ("score_emotional_PCs.csv", "reordered_emotions.csv", "average.csv", "emotions.txt")
        ],
    )
    return frame, raters, affect, table.pivot(index="emotion", columns="attribute", values="score_0to1")


def rho_a(x, y):
    """Expected Spearman under random tie-breaking, by hand: mid-ranks by counting."""

    def ranks(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])

    n = len(x)
    return 12 * ((ranks(x) - (n + 1) / 2) * (ranks(y) - (n + 1) / 2)).sum() / (n**3 - n)


def rho(rdm: RDM, raters: RaterRDMs, pairs="all", classes=None):
    frame = compare_spaces(
        {"m": rdm},
        raters.subset(rdm.labels),
        pairs=PairSets([pairs], classes or {}),
        repeats=Repeats(n_splits=2),
        rng=np.random.default_rng(0),
    )
    row = frame[frame["statistic"] == "rho-a"].iloc[0]
    return row["rho"], row["rho_group"], row["n_pairs"]


def test_real_judgements(real):
    frame, raters, affect, _ = real
    assert len(frame) == 21411 and len(raters.raters) == 61 and len(raters.labels) == 27
    means = frame.groupby(["emotion_a", "emotion_b"])["dissimilarity"].mean()
    assert (
        set(means.idxmin()) == {"caring", "love"}
        and round(means.min(), 2) == 1.93
        and set(means.idxmax()) == {"disgust", "joy"}
        and round(means.max(), 2) == 8.62
    )
    assert (
        set(raters.labels) - set(affect["emotion"]) == {"caring"}
        and (affect["valence_class"] == "positive").sum() == 14
    )
    assert len(studied_pairs(frame, ["joy", "fear", "caring"], "file")) == 183


def test_real_ceilings(real):
    _, raters, affect, _ = real
    found = ceilings(
        raters,
        pairs=PairSets(["all", "within-valence"], dict(zip(affect["emotion"], affect["valence_class"]))),
        rng=np.random.default_rng(1),
    )
    found = found[found["statistic"] == "rho-a"].set_index(["pairs", "quantity"])["value"]
    for key, expected, tolerance in (
        (("all", "ceiling_low"), 0.7201, 5e-4),
        (("all", "ceiling_high"), 0.7293, 5e-4),
        (("all", "split_half"), 0.971, 1e-3),
        (("all", "ceiling_group"), 0.993, 1e-3),
        (("within-valence", "ceiling_low"), 0.5185, 5e-4),
        (("within-valence", "ceiling_high"), 0.5372, 5e-4),
        (("within-valence", "ceiling_group"), 0.979, 1e-3),
    ):
        assert found[key] == pytest.approx(expected, abs=tolerance), key
    # the same by hand for the first two
    ranks = np.array([[(row < a).sum() + ((row == a).sum() + 1) / 2 for a in row] for row in raters.values])
    low = np.mean([rho_a(raters.values[k], np.delete(ranks, k, 0).mean(0)) for k in range(61)])
    high = np.mean([rho_a(row, ranks.mean(0)) for row in raters.values])
    assert (low, high) == pytest.approx((found["all", "ceiling_low"], found["all", "ceiling_high"]))


def test_real_valence_and_arousal(real):
    _, raters, _, table = real
    labels = list(table.index)
    valence, arousal = table["valence"].to_numpy(), table["arousal"].to_numpy()
    for rdm, each, group in (
        (euclidean_rdm(valence, labels), 0.5984, 0.8060),
        (euclidean_rdm((valence > valence.mean()).astype(float), labels), 0.5394, 0.7194),
        (euclidean_rdm(arousal, labels), None, -0.0029),
    ):
        found = rho(rdm, raters)
        assert found[1:] == (pytest.approx(group, abs=5e-4), 351) and (
            each is None or found[0] == pytest.approx(each, abs=5e-4)
        )
        assert found[0] == pytest.approx(np.mean([rho_a(rdm.condensed(raters.labels), row) for row in raters.values]))


def test_real_valence_by_other_raters(real):
    _, raters, affect, _ = real
    labels, valence = affect["emotion"].tolist(), affect["valence"].to_numpy()
    classes = dict(zip(labels, affect["valence_class"]))
    distance, sign = euclidean_rdm(valence, labels), euclidean_rdm((valence > 0).astype(float), labels)
    for found, expected, n in (
        (rho(distance, raters), (0.5447, 0.7307), 325),
        (rho(sign, raters), (0.5393, 0.7180), 325),
        (rho(distance, raters, "within-valence", classes), (-0.0642, -0.1283), 157),
        (rho(distance, raters, "within-positive", classes), (-0.1133, -0.2175), 91),
        (rho(distance, raters, "within-negative", classes), (0.0232, 0.0351), 66),
    ):
        assert found == (pytest.approx(expected[0], abs=5e-4), pytest.approx(expected[1], abs=5e-4), n)
    inside = [
        (i, j) for i, j in itertools.combinations(range(len(labels)), 2) if classes[labels[i]] == classes[labels[j]]
    ]
    mean = raters.mean().subset(labels).values
    assert rho(distance, raters, "within-valence", classes)[1] == pytest.approx(
        rho_a(np.array([abs(valence[i] - valence[j]) for i, j in inside]), np.array([mean[i, j] for i, j in inside]))
    )


def test_real_files_in_another_order_are_refused(published_files, tmp_path):
    with pytest.raises(ValueError, match=r"these files are not in one order"):
        alphabetical = tmp_path / "emotions.txt"
        alphabetical.write_text(
            "\n".join(e for e in published_files(LI, "emotions.txt").read_text().split() if e != "neutral")
        )
        judgements.read_li2024(
            published_files(LI, "ind_dist_subjective_comparison.csv"), alphabetical, published_files(LI, "data.xlsx")
        )
    with pytest.raises(ValueError, match=r"rows and labels are not in one order"):
        judgements.read_li2024_attributes(
            published_files(LI, "score_emotional_PCs.csv"),
            alphabetical,
            published_files(LI, "average.csv"),
            published_files(LI, "emotions.txt"),
        )


def test_ceilings_of_norms_need_no_judgements():
    assert find_ceilings(
        pd.DataFrame({"word": ["a"], **{c: [np.nan] for d in ("valence", "arousal") for c in (d, f"{d}_sd", f"{d}_n")}})
    ).empty
