"""Contracts of human data in standard form, whoever published it."""

from shared_affect.base.contracts import Array, Arrays, Published, Table, number, share, text, whole

WORDINGS = ("names", "concept-sets")
"""Which words stand for an emotion in profiles: those that name it (resources/profiles), or all rated ones of its
concept-set.
"""

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
    "{variant}human/{human}/affect_{language}.tsv, {variant}human/{profiles}/profile_affect_{language}.tsv",
    "prepare_judgements, prepare_profiles",
    "Valence and arousal of the emotions.",
    (
        text("emotion", ""),
        number("valence", "in the unit of the raters; -1 to 1 where words were looked up"),
        number("arousal", "the same"),
        text("valence_class", "which side of the row's valence_split", "positive", "negative"),
    ),
    ("emotion",),
)

PROFILES = Table(
    "{variant}human/{profiles}/profiles_{language}.tsv",
    "prepare_profiles",
    "How much of each of several emotions groups of people find in the words for an emotion. No judgements of pairs.",
    (
        text(
            "wording", "words that stand for an emotion: that name it, or the rated ones of its concept-set", *WORDINGS
        ),
        text("emotion", ""),
        text("group", "of raters"),
        text("scale", "emotion that the words were rated on"),
        number("rating", "mean over the words, 1 = not at all", 1, 5),
        whole("n_words", "words behind it", 1),
    ),
    ("wording", "emotion", "group", "scale"),
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

CONCEPT_RATINGS = Table(
    "human/{dataset}/concept-ratings_{language}.tsv",
    "prepare_data",
    "Ratings of concepts, which join languages; one row a concept and what was rated.",
    (
        text("concept", "its number in Concepticon"),
        text("gloss", "its name there"),
        text("dimension", "what was rated: valence, happiness"),
        number("value", "mean rating, the published scale moved to -1 to 1", -1, 1),
        whole("n_words", "words of the language behind it", 1),
        text("words", "joined by |"),
    ),
    ("concept", "dimension"),
)

AGREEMENT = Table(
    "human/agreement.tsv",
    "find_human_agreement",
    "How far people of two languages agree on the same concepts.",
    (
        text("human_a", "dataset"),
        text("language_a", "of its raters"),
        text("human_b", "dataset"),
        text("language_b", "of its raters"),
        text("dimension", "what both rated"),
        number("r", "Pearson, over concepts that both rated", -1, 1),
        number("ci_low", "of r, 95 %, by Fisher's z", -1, 1),
        number("ci_high", "", -1, 1),
        number("bootstrap_low", "of r, 95 %, by a bootstrap over concepts (percentiles)", -1, 1),
        number("bootstrap_high", "", -1, 1),
        number("spearman", "over the same concepts", -1, 1),
        whole("n_concepts", "that both rated", 4),
    ),
    ("human_a", "language_a", "human_b", "language_b", "dimension"),
    published=Published("human_agreement", needs="agreement"),
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
    (
        text("split", ""),
        text("text_id", ""),
        text("text", "", missing=True),
        text("label", ""),
        whole(
            "intensity",
            "how strong people said it is, 1 for every label where they were not asked (track a of BRIGHTER); 0 with a"
            " label that is no emotion",
            0,
            3,
            optional=True,
        ),
    ),
)

VIGNETTES = Table(
    "human/{vignettes}/vignettes_{language}.tsv",
    "prepare_vignettes",
    "Texts that show an emotion without naming it, and neutral ones.",
    (
        text("text_id", ""),
        text("text", ""),
        text("role", "`neutral`: matched with a vignette; `unmatched`: with none", "vignette", "neutral", "unmatched"),
        text("category", "as the dataset calls it; of a neutral text, its vignette's", missing=True),
        text("partner", "text it is matched with", missing=True),
        text("block", "scenario: its vignettes are no independent samples", missing=True),
    ),
    ("text_id",),
)

DATA: dict[str, Table] = {
    "association": ASSOCIATIONS,
    "attributes": ATTRIBUTES,
    "concept-ratings": CONCEPT_RATINGS,
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
