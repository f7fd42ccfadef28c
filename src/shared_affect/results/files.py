"""Contract of what is said of one SAE, from which the profile of layers and widths is collected."""

from shared_affect.base.contracts import Published, Table, number, share, text, whole

ROLES = ("primary", "exploratory")
"""The SAE that makes claims, and the others of a study."""

QUANTITIES = (
    "explained_variance",
    "l0",
    "n_live",
    "n_selected",
    "share_passed_fdr",
    "held_out_auroc",
    "jaccard",
    "rho",
    "r",
)

LAYER_PROFILE = Table(
    "layer_profile/{model}/{sae}/{language}.tsv",
    "profile_sae",
    "What is said of one SAE in one language, each number beside its control. No claim reads it.",
    (
        text("quantity", "fidelity, features, RSA (`rho`: rho-a of `sae-space`), ratings (`r`)", *QUANTITIES),
        text("of", "pair set of `rho`, dimension of `r`; `-` for the others"),
        whole("layer", "block that the SAE reads, from 0"),
        whole("d_sae", "features of the SAE", 1),
        text("role", "`exploratory`: makes no claim", *ROLES),
        number("value", "", missing=True),
        number("ci_low", "", missing=True),
        number("ci_high", "", missing=True),
        share("p", "of this number alone, in no family: labels or ratings permuted", missing=True),
        share("p_codes", "the same: codes permuted over words, features selected anew", missing=True),
        whole("n_permutations", "0 where nothing is tested"),
        whole("n_code_permutations", "0 where nothing is tested"),
        number(
            "ceiling_low", "agreement of a rater with the others; of `r` what the ratings' noise allows", missing=True
        ),
        number("ceiling_high", "of a rater with all, himself among them; of `r` the same as the lower", missing=True),
        text("dataset", "people it is compared with: judgements of `rho`, ratings of `r`", missing=True),
        text("human_language", "of these people", missing=True),
        text("beside", "negative control beside it", missing=True),
        number("beside_value", "", missing=True),
        number("beside_low", "", missing=True),
        number("beside_high", "", missing=True),
        whole("n", "what it rests on"),
        text("unit", "of n", "tokens", "features", "emotions", "words"),
    ),
    ("quantity", "of"),
    published=Published("layer_profile", needs="profile", words={"quantity": QUANTITIES}),
)
