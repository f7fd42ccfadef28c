"""Contracts of concept-sets, their controls and translation pairs."""

from shared_affect.base.contracts import Published, Table, flag, number, share, text, whole

CONCEPTS = Table(
    "{variant}concepts/{language}.tsv",
    "build_concepts",
    "Words that stand for the emotions; a word may stand for several.",
    (
        text("emotion", ""),
        text("word", ""),
        share("strength", "of the source, strongest 1", missing=True),
        text("pos", "part of speech, where the table gives one", missing=True),
        text("source", "of config.yaml, key concepts"),
    ),
    ("emotion", "word"),
)

CONCEPT_WORDS = Table(
    "{variant}controls/{model}/{language}/words.tsv",
    "match_controls",
    "What is known of the concept words.",
    (
        text("emotion", ""),
        text("word", ""),
        text("source", "of config.yaml, key concepts"),
        share("strength", "of the source, strongest 1", missing=True),
        whole("n_sets", "sets that the word stands in", 1),
        whole("n_tokens", "word pieces of the model's tokenizer", 1),
        share("broken_share", "of its characters that the tokenizer breaks into bytes"),
        flag("in_norms", "whether it is rated"),
        number("log10_count", "logarithm of its frequency in a corpus", missing=True),
        number("concreteness", "mean rating", -1, 1, missing=True),
    ),
    ("emotion", "word"),
    published=Published("concept_words", "concepts"),
)

MATCHES = Table(
    "{variant}controls/{model}/{language}/matches.tsv",
    "match_controls",
    "Rated words without affect that resemble a concept word.",
    (
        text("emotion", ""),
        text("target", "the concept word"),
        text("control", "the word beside it"),
        number("distance", "of their properties, in standard deviations", 0),
    ),
    empty=True,
)

BALANCE = Table(
    "{variant}controls/{model}/{language}/balance.tsv",
    "match_controls",
    "How alike concept words and controls are.",
    (
        text("emotion", ""),
        text("property", ""),
        number("smd_before", "standardised mean difference from all candidates", missing=True),
        number("smd_after", "from the controls", missing=True),
        whole("n_targets", "concept words"),
        whole("n_controls", "controls"),
        whole("n_unknown", "words whose property is unknown"),
    ),
    ("emotion", "property"),
    empty=True,
    published=Published("control_balance", "concepts"),
)

TRANSLATIONS = Table(
    "human/translations.tsv",
    "prepare_translations",
    "Which words translate each other.",
    (text("pair", "its name"),),
    more="one for each language: a word of it, or nothing",
)
