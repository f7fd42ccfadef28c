"""Contracts of emotion spaces and of their comparison with people."""

from shared_affect.base.contracts import Array, Arrays, Published, Table, number, share, text, whole
from shared_affect.human.files import WORDINGS
from shared_affect.study.vocabulary import PAIR_SETS, REPRESENTATIONS, STATISTICS


def _estimate(name: str, meaning: str) -> tuple:
    return tuple(number(n, m, -1, 1, missing=True) for n, m in ((name, meaning), ("ci_low", ""), ("ci_high", "")))


SPACE = Arrays(
    "{variant}spaces/{model}/{sae}/{language}.npz",
    "build_space",
    "Dissimilarities of the emotions in every representation.",
    (
        Array("emotions", "text", ("emotion",), ""),
        Array("rdm_*", "float64", ("emotion", "emotion"), "of a representation: cosine distance, or what it names", 0),
        Array("draws_*", "float64", ("draw", "emotion", "emotion"), "the same of random draws", 0),
        Array(
            "permuted_*",
            "float32",
            ("permutation", "pair"),
            "of permuted codes, pairs above the diagonal",
            optional=True,
        ),
    ),
)

RSA = Table(
    "{variant}rsa/{model}/{sae}/{language}/{human}.tsv",
    "compare_with_judgements",
    "Correlation of every representation with the raters, on every set of pairs.",
    (
        text("representation", ""),
        text("pairs", "set of pairs"),
        text("statistic", "which correlation"),
        *_estimate("rho", "mean correlation with a rater"),
        share("p", "emotion labels permuted", missing=True),
        whole("n_permutations", ""),
        share("p_codes", "codes permuted over words", missing=True),
        whole("n_code_permutations", ""),
        whole("n_bootstrap", ""),
        number("rho_group", "correlation with the mean over raters", -1, 1, missing=True),
        number("rho_group_ci_low", "", -1, 1, missing=True),
        number("rho_group_ci_high", "", -1, 1, missing=True),
        number("ceiling_low", "agreement of a rater with the others", -1, 1, missing=True),
        number("ceiling_high", "with all, himself among them", -1, 1, missing=True),
        number("ceiling_group", "of the mean over raters", -1, 1, missing=True),
        whole("n_emotions", ""),
        whole("n_pairs", ""),
        whole("n_raters", ""),
        text("nuisances", "what is taken out of partial correlations", missing=True),
    ),
    ("representation", "pairs", "statistic"),
)

RSA_PROFILES = Table(
    "{variant}rsa_profiles/{model}/{sae}/{language}/{profiles}.tsv",
    "compare_with_profiles",
    "Correlation of every representation with distances between profiles of words. No claim reads it.",
    (
        text("wording", "words that stand for an emotion: its names, or all rated ones of its concept-set", *WORDINGS),
        text("representation", ""),
        text("pairs", "set of pairs"),
        text("statistic", "which correlation"),
        text("reference", "`profiles`: nobody judged pairs", "profiles"),
        text("human_language", "language of the raters"),
        *_estimate("rho", "mean correlation with a group of raters"),
        share("p", "emotion labels permuted; of this number alone, in no family", missing=True),
        whole("n_permutations", ""),
        share("p_codes", "codes permuted over words; alone too", missing=True),
        whole("n_code_permutations", ""),
        whole("n_bootstrap", ""),
        number("rho_group", "correlation with the mean over groups", -1, 1, missing=True),
        number("rho_group_ci_low", "", -1, 1, missing=True),
        number("rho_group_ci_high", "", -1, 1, missing=True),
        number("group_agreement", "of a group with the other: a rough ceiling of rho", -1, 1, missing=True),
        number("ceiling_group", "of the mean over groups", -1, 1, missing=True),
        whole("n_emotions", "that have a rated word"),
        whole("n_pairs", ""),
        whole("n_groups", "women and men are two; people in them are not counted"),
    ),
    ("wording", "representation", "pairs", "statistic"),
    published=Published(
        "rsa_profiles",
        "both",
        needs="profiles",
        words={"representation": REPRESENTATIONS, "pairs": PAIR_SETS, "statistic": STATISTICS},
    ),
)

RSA_DIFFERENCES = Table(
    "{variant}rsa_differences/{model}/{sae}/{language}/{human}.tsv",
    "compare_with_judgements",
    "Differences of two representations' correlations.",
    (
        text("pairs", "set of pairs"),
        text("statistic", "which correlation"),
        text("representation_a", ""),
        text("representation_b", ""),
        number("difference", "a minus b", -2, 2, missing=True),
        number("ci_low", "", missing=True),
        number("ci_high", "", missing=True),
        whole("n_emotions", ""),
    ),
    ("pairs", "statistic", "representation_a", "representation_b"),
    empty=True,
)


VIEW = ("kind", "name", "sae", "language")
"""Columns that say whose dissimilarities stand on one side of a pair, each with ``_a`` or ``_b``."""


def _view(side: str) -> tuple:
    return (
        text(f"kind_{side}", "whose dissimilarities", "space", "judgements", "profiles"),
        text(f"name_{side}", "model, or dataset of people"),
        text(f"sae_{side}", "- of people"),
        text(f"language_{side}", "of the words; of people, their own"),
    )


SPACE_PAIRS = Table(
    "space_pairs/{human}.tsv",
    "compare_pairwise",
    "Every emotion space against every other, and against people; two sets of people too. No claim reads it.",
    (
        *_view("a"),
        *_view("b"),
        text("pairs", "set of pairs"),
        *_estimate("rho", "rho-a"),
        share("p", "emotion labels permuted; of this number alone, in no family", missing=True),
        whole("n_permutations", ""),
        whole("n_emotions", "that both know"),
        whole("n_pairs", ""),
    ),
    (*(f"{c}_{side}" for side in "ab" for c in VIEW), "pairs"),
    published=Published("space_pairs", needs="models", words={"pairs": PAIR_SETS}),
    empty=True,
)

DIMENSIONS = Table(
    "{variant}dimensions/{model}/{sae}/{language}/{human}.tsv",
    "find_dimensions",
    "Whether valence and arousal organise a space.",
    (
        text("quantity", ""),
        number("value", "R2, correlation or distance", missing=True),
        number("ci_low", "", missing=True),
        number("ci_high", "", missing=True),
        share("p", "the larger of the two, or of the one", missing=True),
        share("p_alone", "", missing=True),
        share("p_beyond", "beyond the other dimension", missing=True),
        number("null_mean", "under permuted labels", missing=True),
        number("null_high", "97.5 % point", missing=True),
        whole("n_permutations", ""),
        whole("n_emotions", ""),
    ),
    ("quantity",),
)

COORDINATES = Table(
    "{variant}coordinates/{model}/{sae}/{language}/{human}.tsv",
    "find_dimensions",
    "The emotion space turned to the raters' affect.",
    (
        text("emotion", ""),
        number("x_valence", "in the raters' unit"),
        number("y_arousal", "in the raters' unit"),
        number("human_valence", ""),
        number("human_arousal", ""),
    ),
    ("emotion",),
)
