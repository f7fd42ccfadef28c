"""Contracts of folds, predicted ratings and what is said of them."""

from shared_affect.base.contracts import Facts, Field, Published, Table, flag, number, share, text, whole

FOLDS = Table(
    "human/{norms}/folds.tsv",
    "draw_folds",
    "Which fold a word is predicted in.",
    (
        text("language", ""),
        text("word", ""),
        text("group", "words of one group share a fold: a lemma family, a translation pair"),
        whole("fold", "from 0"),
    ),
    ("language", "word"),
)

RATINGS = Table(
    "{variant}ratings/{model}/{sae}/{language|direction}/{norms}/{dimension}.tsv",
    "predict_ratings, transfer_ratings",
    "How well each arm predicts ratings.",
    (
        text("direction", "from which language to which", optional=True),
        text("arm", ""),
        text("dimension", ""),
        number("r", "correlation of predicted and rated", -1, 1, missing=True),
        number("ci_low", "", -1, 1, missing=True),
        number("ci_high", "", -1, 1, missing=True),
        share("p", "", missing=True),
        whole("n_permutations", "0 where the arm is not tested", missing=True),
        number("spearman", "", -1, 1, missing=True),
        number("r2", "", None, 1, missing=True),
        number("rmse", "in the unit of the ratings", 0, missing=True),
        whole("n_words", ""),
        number("ceiling", "largest correlation that the ratings' noise allows", 0, 1, missing=True),
        number("r_over_ceiling", "", missing=True),
    ),
    ("arm", "dimension"),
    empty=True,
)

RATING_DIFFERENCES = Table(
    "{variant}ratings/{model}/{sae}/{language}/{norms}/differences.tsv",
    "predict_ratings",
    "Differences of two arms' correlations.",
    (
        text("arm_a", ""),
        text("arm_b", ""),
        text("dimension", ""),
        number("difference", "a minus b", -2, 2, missing=True),
        number("ci_low", "95 %", missing=True),
        number("ci_high", "95 %", missing=True),
        number("ci90_low", "90 %", missing=True),
        number("ci90_high", "90 %", missing=True),
        flag("equivalent", "whether the 90 % interval lies within the margin", missing=True),
        number("margin", "", 0),
    ),
    ("arm_a", "arm_b", "dimension"),
    empty=True,
)

PREDICTIONS = Table(
    "{variant}ratings/{model}/{sae}/{language}/{norms}/predictions.tsv",
    "predict_ratings",
    "Predicted rating of every word, from folds that it is not in.",
    (text("word", ""), text("arm", ""), text("dimension", ""), number("prediction", "in the unit of the ratings")),
    ("word", "arm", "dimension"),
)

NOTES = Facts(
    "{variant}ratings/{model}/{sae}/{language}/{norms}/notes.json",
    "predict_ratings",
    "What stands behind the scores.",
    (
        Field("not_tested", "object", "arm -> why it was not tested"),
        whole("n_emotion_space", "features in the emotion space"),
        whole("n_live", "features active on any rated word"),
        Field("matched", "object", "how like the emotion space the matched features are"),
    ),
)

CULTURES = Table(
    "{variant}cultures/{model}/{sae}/{norms}.tsv",
    "compare_cultures",
    "Correlation of predicted and rated differences over translation pairs.",
    (
        text("quantity", ""),
        number("r", "", -1, 1, missing=True),
        number("ci_low", "", -1, 1, missing=True),
        number("ci_high", "", -1, 1, missing=True),
        whole("n_pairs", ""),
    ),
    ("quantity",),
    published=Published("cultures", "both", needs="pair"),
)
