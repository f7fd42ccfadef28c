"""Contracts of what extraction leaves, of codes, and of selected and shared features."""

from shared_affect.base.contracts import Array, Arrays, Published, Table, flag, number, share, sparse, text, whole

WORD_ARRAYS = Arrays(
    "features/{model}/{sae}/{language}/{concepts}/{emotion}.npz, features/{model}/{sae}/{language}/norms/{norms}.npz",
    "extract_features",
    "Residuals and SAE codes of a list of words, at every template and read-out position.",
    (
        Array("words", "text", ("word",), ""),
        Array("templates", "text", ("template",), "their names"),
        Array("positions", "text", ("position",), "where is read: on the word, after it"),
        Array("readouts", "text", ("readout",), "templates and position that a variant of the study averages over"),
        Array("dense", "float32", ("readout", "word", "width"), "residual at the hook point, averaged over them"),
        Array("static", "float32", ("word", "width_in"), "mean input embedding of the word's pieces"),
        *sparse("", "template*position*word", "feature", "codes, a row a template, position and word"),
        Array("d_sae", "int64", (), "features of the SAE", 1, length_of="feature"),
    ),
)

RUNNING_TEXT = Arrays(
    "features/{model}/{sae}/{language}/running_text.npz",
    "extract_features",
    "What was measured on ordinary and affect-free text.",
    (
        Array("density", "float64", ("feature",), "share of affect-free tokens on which a feature fires", 0, 1),
        Array("dead_share", "float64", ("1",), "share of features that never fire", 0, 1),
        Array("explained_variance", "float64", ("1",), "of the residual, by the SAE", None, 1),
        Array("l0", "float64", ("1",), "features that fire on a token, mean", 0),
        Array("loss", "float64", ("1",), "of the model, nats a token", 0),
        Array("loss_sae", "float64", ("1",), "with the SAE in place of the residual", 0),
        Array("loss_ablated", "float64", ("1",), "with its mean in place of it", 0),
        Array("loss_recovered", "float64", ("1",), "share of the difference that the SAE saves"),
        Array("mean_residual_norm", "float64", ("1",), "unit of steering strength", 0),
        Array("n_tokens", "int64", ("1",), "tokens looked at", 1),
        Array("precision_*", "float64|float32", ("1",), "what the model's reduced precision changes", optional=True),
        Array("encoder_*", "float64", ("1",), "what the encoder's reduced precision changes", optional=True),
    ),
)


def _words(kind: str, width: str, meaning: str, optional: bool = False) -> tuple[Array, ...]:
    return (
        Array(f"{kind}_words", "text", (kind,), meaning, optional=optional),
        *sparse(f"{kind}_", kind, "feature", "codes, averaged over templates and positions", optional),
        Array(f"{kind}_shape", "int64", ("2",), "of the codes", 0, length_of="feature", optional=optional),
        Array(f"{kind}_dense", "float32", (kind, "width"), "residual", optional=optional),
        Array(f"{kind}_static", "float32", (kind, width), "input embedding", optional=optional),
    )


CODES = Arrays(
    "{variant}codes/{model}/{sae}/{language}.npz",
    "gather_codes",
    "Codes of concept words and rated words, one row a word.",
    (
        Array("emotions", "text", ("emotion",), ""),
        Array("membership", "bool", ("concepts", "emotion"), "whose word it is: one emotion a word"),
        Array("density", "float64", ("feature",), "share of affect-free tokens on which a feature fires", 0, 1),
        Array("left_out", "text", ("left",), "words of the sets that are not among the concept words"),
        *_words("concepts", "width_in", "concept words"),
        *_words("rated", "width_in", "rated words"),
        *_words("several", "width_in", "words of several sets", optional=True),
        Array("several_membership", "bool", ("several", "emotion"), "the sets that they left", optional=True),
        Array("overlap", "float64", ("emotion", "emotion"), "share of words in common", 0, 1, optional=True),
    ),
)

SELECTED = Table(
    "{variant}emotion_features/{model}/{sae}/{language}/{emotion}.tsv",
    "select_features",
    "The features of an emotion, best first.",
    (
        text("emotion", ""),
        whole("rank", "from the best", 1),
        whole("feature", "its number in the SAE"),
        number("weight", "in the emotion's vector", 0),
        share("prevalence", "share of the emotion's words on which it fires"),
        share("auroc_emotion", "against the words of other emotions", missing=True),
        share("auroc_neutral", "against matched control words", missing=True),
        share("p", "", missing=True),
        share("q", "false discovery rate", missing=True),
        flag("passed_fdr", "whether q is small enough"),
        share("density", "share of affect-free tokens on which it fires"),
    ),
    ("emotion", "rank"),
    published=Published("features", "model"),
)

FEATURE_USE = Table(
    "{variant}feature_use/{model}/{sae}/{language}.tsv",
    "select_features",
    "How many emotions a selected feature serves.",
    (text("quantity", ""), number("value", "count, mean or share", 0, missing=True)),
    ("quantity",),
    published=Published("feature_use", "model"),
)

REPRODUCIBILITY = Table(
    "{variant}reproducibility/{model}/{sae}/{language}.tsv",
    "select_features",
    "Whether halves of the words select the same features.",
    (
        text("quantity", "held-out AUROC, or Jaccard overlap"),
        text("arm", "observed, or words permuted over the sets"),
        share("value", "", missing=True),
        share("ci_low", "", missing=True),
        share("ci_high", "", missing=True),
        share("shuffled_high", "97.5 % point of the permuted", missing=True),
        whole("n_emotions", ""),
        whole("n_splits", ""),
        whole("n_shuffles", ""),
    ),
    ("quantity", "arm"),
    published=Published("reproducibility", "model"),
)

SHARED_FEATURES = Table(
    "{variant}shared/{model}/{sae}/features.tsv",
    "find_shared_features",
    "Features that are active in two languages.",
    (
        whole("feature", "its number in the SAE"),
        share("active_*", "share of the language's concept words on which it fires"),
        number("profile_r", "correlation of its emotion profiles", -1, 1, missing=True),
        number("threshold", "that a shared one passes", missing=True),
        flag("shared", ""),
    ),
    ("feature",),
    empty=True,
)

SHARED_SUMMARY = Table(
    "{variant}shared/{model}/{sae}/summary.tsv",
    "find_shared_features",
    "Whether more features are shared than chance gives; one row.",
    (
        whole("n_active_both", "features active in both languages"),
        whole("n_language", "of these, left out because they tell the language"),
        whole("n_shared", ""),
        whole("n_language_shared", "of those left out, would count as shared"),
        number("expected", "mean count under permutations", 0, missing=True),
        number("null_high", "97.5 % point of it", 0, missing=True),
        share("p", "the larger of the two", missing=True),
        share("p_labels", "emotion labels permuted", missing=True),
        share("p_words", "words permuted", missing=True),
        whole("n_permutations", ""),
        whole("n_word_permutations", ""),
        flag("frequency_known", "whether word frequencies took part"),
    ),
)

SHARED_OVERLAP = Table(
    "{variant}shared/{model}/{sae}/overlap.tsv",
    "find_shared_features",
    "Overlap of the features selected in two languages.",
    (
        text("scope", "", "emotion", "union"),
        text("emotion", "`all` for the union"),
        share("jaccard", "", missing=True),
        share("expected", "of random features of such density", missing=True),
        share("null_high", "97.5 % point of it", missing=True),
        share("p", "", missing=True),
        whole("n_a", "features in the first language"),
        whole("n_b", "in the second"),
        whole("n_permutations", ""),
    ),
    ("scope", "emotion"),
    published=Published("shared_overlap", "model", needs="pair"),
)
