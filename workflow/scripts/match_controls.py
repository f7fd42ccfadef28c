"""What is known of the concept words, and rated words without affect matched to those of each emotion."""

from shared_affect.base.log import LOG, start_log
from shared_affect.human.files import NORMS, WORD_PROPERTIES
from shared_affect.models.pieces import broken_share, word_pieces
from shared_affect.models.tokens import load_tokenizer
from shared_affect.words.concept_sets import describe_words
from shared_affect.words.controls import match_sets, word_properties
from shared_affect.words.files import BALANCE, CONCEPT_WORDS, CONCEPTS, MATCHES


def match_controls(sets, norms, properties, model, out_words, out_matches, out_balance, *, settings):
    """Describe the concept words and find each of them rated words that resemble it but carry no affect.

    Parameters
    ----------
    sets, norms : path
        Concept-sets, and word ratings (tsv).
    properties : list of path
        Frequency and concreteness of words (tsv); may be empty.
    model : path
        Folder of the model; its tokenizer counts word pieces.
    out_words, out_matches, out_balance : path
        The concept words described, their controls, and how alike the two are (tsv).
    settings : dict
        config.yaml, key controls: `max_abs_valence`, `per_word`.
    """
    concepts, rated = CONCEPTS.read(sets), NORMS.read(norms)
    tokenizer = load_tokenizer(model)
    words = list(dict.fromkeys([*concepts["word"], *rated["word"]]))
    pieces = word_pieces(tokenizer, words)
    known = word_properties(words, [len(pieces[w]) for w in words], [WORD_PROPERTIES.read(f) for f in properties])
    broken = {w: broken_share(tokenizer, [w]) for w in concepts["word"].unique()}
    CONCEPT_WORDS.write(out_words, describe_words(concepts, pieces, broken, known, rated["word"]))
    neutral = rated["word"][
        (rated["valence"].abs() <= settings["max_abs_valence"]) & ~rated["word"].isin(concepts["word"])
    ]
    matches, balances = match_sets(concepts, known, neutral, settings["per_word"])
    MATCHES.write(out_matches, matches)
    BALANCE.write(out_balance, balances)
    before, after = balances["smd_before"].abs().max(), balances["smd_after"].abs().max()
    LOG.info("largest standardised mean difference before %.2f, after %.2f", before, after)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    outputs = (o.words, o.matches, o.balance)
    match_controls(i.sets[0], i.norms, i.properties, p.model, *outputs, settings=p.settings)
