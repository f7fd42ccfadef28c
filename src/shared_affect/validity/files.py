"""Contracts of codes of vignettes, and of how far features tell them apart."""

from shared_affect.base.contracts import Array, Arrays, Published, Table, number, share, sparse, text, whole
from shared_affect.features.texts import READOUTS

ARMS = ("features", "random-features", "shuffled-sets")
"""Features of the emotions; drawn ones that fire as often; those selected with words permuted over the concept-sets."""

AGAINST = ("matched-neutral", "other-emotions", "unmatched-neutral")
"""What an emotion's vignettes are told from."""

MEAN = "mean"
"""In the column ``emotion``: the mean over all emotions that vignettes stand for."""

TEXT_CODES = Arrays(
    "features/{model}/{sae}/{language}/texts/{vignettes}.npz",
    "read_vignettes",
    "SAE codes of whole texts.",
    (
        Array("text_ids", "text", ("text",), ""),
        Array("readouts", "text", ("readout",), "mean over all tokens but the first, and the last token"),
        Array("n_tokens", "int64", ("text",), "tokens behind the first", 1),
        *sparse("", "readout*text", "feature", "codes, a row a readout and text"),
        Array("d_sae", "int64", (), "features of the SAE", 1, length_of="feature"),
    ),
)

VALIDITY = Table(
    "{variant}validity/{model}/{sae}/{language}/{vignettes}.tsv",
    "measure_validity",
    "Whether an emotion's features, selected with its words, fire on texts that show it without naming it.",
    (
        text("arm", "whose features", *ARMS),
        text("readout", "`mean` over the tokens is primary", *READOUTS),
        text("against", "what the emotion's vignettes are told from", *AGAINST),
        text("emotion", "`mean`: over the emotions"),
        share("auroc", "of draws: their mean"),
        share("ci_low", "95 %, over scenarios; of draws their central 95 %", missing=True),
        share("ci_high", "", missing=True),
        share("p", "one-sided; whole scenarios are exchanged; none where too few for .05", missing=True),
        whole("n_permutations", "0 where nothing is tested"),
        whole("n_vignettes", "of the emotion; of `mean` of all of them", 1),
        whole("n_against", "texts that they are told from", 1),
        whole("n_emotions", "1, or of `mean` how many", 1),
        whole("n_draws", "0 where nothing is drawn"),
        number("n_tokens", "tokens of a vignette, mean", 0),
    ),
    ("arm", "readout", "against", "emotion"),
    published=Published(
        "validity", "model", needs="validity", words={"arm": ARMS, "readout": READOUTS, "against": AGAINST}
    ),
)
