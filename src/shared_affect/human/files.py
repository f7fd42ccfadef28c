"""Contracts of human data in standard form, whoever published it."""

from shared_affect.base.contracts import Array, Arrays, Table, number, share, text, whole

JUDGEMENTS = Table(
    "{variant}human/{human}/judgements_{language}.tsv",
    "prepare_judgements",
    "How different people find two emotions; one row a rater and pair.",
    (
        text("rater", ""),
        text("emotion_a", ""),
        text("emotion_b", ""),
        number("dissimilarity", "in the unit of the raters; the larger, the more different"),
    ),
    ("rater", "emotion_a", "emotion_b"),
)

AFFECT = Table(
    "{variant}human/{human}/affect_{language}.tsv",
    "prepare_judgements",
    "Valence and arousal of the emotions.",
    (
        text("emotion", ""),
        number("valence", "in the unit of the raters; -1 to 1 where words were looked up"),
        number("arousal", "the same"),
        text("valence_class", "which side of the row's valence_split", "positive", "negative"),
    ),
    ("emotion",),
)

NORMS = Table(
    "{variant}human/{norms}/norms_{language}.tsv",
    "prepare_norms",
    "Ratings of words.",
    (
        text("word", ""),
        number("valence", "mean rating, from unpleasant to pleasant", -1, 1),
        number("arousal", "mean rating, from calm to excited", -1, 1),
        number("valence_sd", "of the raters, same unit", 0, missing=True),
        number("valence_n", "raters", 1, missing=True),
        number("arousal_sd", "of the raters, same unit", 0, missing=True),
        number("arousal_n", "raters", 1, missing=True),
    ),
    ("word",),
    more="the published numbers, their range in the name (valence_1to9)",
)

CEILINGS = Table(
    "human/{human}/ceilings_{language}.tsv, human/{norms}/norm_ceilings_{language}.tsv",
    "find_human_ceilings, find_norm_ceilings",
    "Agreement of raters, and the largest correlation that their noise allows.",
    (
        text("pairs", "set of pairs of emotions; `words` for ratings of words"),
        text("quantity", "what is measured"),
        text("statistic", "which correlation"),
        number("value", "correlation", -1, 1, missing=True),
        whole("n", "emotions or words"),
        number("n_raters", "raters; of words, their mean number", 0, missing=True),
        text("human", "dataset"),
        text("human_language", "language of the raters"),
    ),
    ("pairs", "quantity", "statistic"),
    empty=True,
)

ASSOCIATIONS = Table(
    "human/{dataset}/association_{language}.tsv",
    "prepare_data",
    "Which words people name at a cue.",
    (
        text("cue", ""),
        text("target", "the answer"),
        share("strength", "share of the cue's answers", missing=True),
        number("count", "of this answer", 0, missing=True),
        number("n", "answers to the cue", 1, missing=True),
        share("backward_strength", "of the cue as an answer to the target", missing=True),
    ),
    ("cue", "target"),
)

LEXICON = Table(
    "human/{dataset}/lexicon_{language}.tsv",
    "prepare_data",
    "Words under named emotions.",
    (
        text("word", ""),
        text("category", "as the lexicon calls it"),
        number("intensity", "least to most, in the lexicon's unit", 0, missing=True, optional=True),
    ),
    more="what the lexicon says besides",
)

WORD_PROPERTIES = Table(
    "human/{dataset}/frequency_{language}.tsv, human/{dataset}/concreteness_{language}.tsv",
    "prepare_data",
    "How often words stand in a corpus; how concrete people find them.",
    (
        text("word", ""),
        number("count", "in the corpus", 0, optional=True),
        number("concreteness", "mean rating, from abstract to concrete", -1, 1, optional=True),
    ),
    ("word",),
    more="the same by other measures, and the published numbers",
)

DICTIONARY = Table(
    "human/{dataset}/dictionary_{language}.tsv",
    "prepare_data",
    "Translations; a word has a row for each entry.",
    (text("word", ""), text("translation_*", "into the language that the column names", missing=True)),
    more="how the word is written and spoken",
)

ATTRIBUTES = Table(
    "human/{dataset}/attributes_{language}.tsv",
    "prepare_data",
    "Attributes of emotions; one row an emotion and attribute.",
    (text("emotion", ""), text("attribute", ""), share("score_0to1", "as published"), number("score", "", -1, 1)),
    ("emotion", "attribute"),
)

LABELLED_TEXTS = Table(
    "human/{dataset}/labelled-text_{language}.tsv",
    "prepare_data",
    "Texts that people labelled; one row a text and label.",
    (text("split", ""), text("text_id", ""), text("text", "", missing=True), text("label", "")),
)

DATA: dict[str, Table] = {
    "association": ASSOCIATIONS,
    "attributes": ATTRIBUTES,
    "concreteness": WORD_PROPERTIES,
    "dictionary": DICTIONARY,
    "frequency": WORD_PROPERTIES,
    "labelled-text": LABELLED_TEXTS,
    "lexicon": LEXICON,
}
"""By the kinds of config/human.tsv that one rule prepares."""

WORD_VECTORS = Arrays(
    "human/{dataset}/vectors_{language}.npz",
    "embed_associations",
    "Vectors of the cues of a dataset of associations.",
    (
        Array("words", "text", ("word",), ""),
        Array("vectors", "float32", ("word", "dimension"), "of length 1, or 0", -1.001, 1.001),
    ),
)
