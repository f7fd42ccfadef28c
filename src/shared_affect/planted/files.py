"""Contracts of the planted world's files. People read and write the same form: `human.loaders` reads them as theirs."""

from shared_affect.base.contracts import Table, number, text, whole

_COORDINATES = (
    number("valence", "as the world has it, no unit; the emotions' own lie from -1 to 1"),
    number("arousal", "the same"),
    number("certainty", "the same"),
    number("social", "the same"),
)

WORLD_NORMS = Table(
    "world/human/norms_{language}.tsv",
    "make_planted_human",
    "Ratings of words by simulated people.",
    (
        text("word", ""),
        number("valence", "mean rating, from unpleasant to pleasant", -1, 1),
        number("valence_sd", "of the raters, same unit", 0, 2),
        whole("valence_n", "raters", 1),
        number("arousal", "mean rating, from calm to excited", -1, 1),
        number("arousal_sd", "of the raters, same unit", 0, 2),
        whole("arousal_n", "raters", 1),
        text("emotion", "whose concept word it is", missing=True),
    ),
    ("word",),
)

WORLD_JUDGEMENTS = Table(
    "world/human/judgements_{language}.tsv",
    "make_planted_human",
    "Judgements of pairs of emotions by simulated people.",
    (
        text("rater", ""),
        text("emotion_a", ""),
        text("emotion_b", ""),
        number("dissimilarity_1to9", "9 = most different", 1, 9),
    ),
    ("rater", "emotion_a", "emotion_b"),
)

CENTRES = Table(
    "world/human/centres_{language}.tsv",
    "make_planted_human",
    "Where the emotions stand in the world's four dimensions.",
    (text("emotion", ""), *_COORDINATES),
    ("emotion",),
)

TRUTH = Table(
    "world/human/truth_{language}.tsv",
    "make_planted_human",
    "Where the words stand, before any noise.",
    (
        text("word", ""),
        text("language", ""),
        text("emotion", "whose concept word it is", missing=True),
        text("pair", "which word of the other language it translates", missing=True),
        *_COORDINATES,
    ),
    ("language", "word"),
)
