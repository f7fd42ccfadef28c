"""What is known of the concept words, and rated words without affect matched to those of each emotion."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.models.pieces import broken_share, word_pieces
from shared_affect.models.tokens import load_tokenizer
from shared_affect.words.concept_sets import describe_words
from shared_affect.words.controls import match_sets, word_properties

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    sets, norms = read_tsv(i.sets[0]), read_tsv(i.norms)
    tokenizer = load_tokenizer(p.model)
    words = list(dict.fromkeys([*sets["word"], *norms["word"]]))
    pieces = word_pieces(tokenizer, words)
    properties = word_properties(words, [len(pieces[w]) for w in words], [read_tsv(f) for f in i.properties])
    write_tsv(
        o.words,
        describe_words(
            sets, pieces, {w: broken_share(tokenizer, [w]) for w in sets["word"].unique()}, properties, norms["word"]
        ),
    )
    neutral = norms["word"][
        (norms["valence"].abs() <= p.settings["max_abs_valence"]) & ~norms["word"].isin(sets["word"])
    ]
    matches, balances = match_sets(sets, properties, neutral, p.settings["per_word"])
    write_tsv(o.matches, matches)
    write_tsv(o.balance, balances)
    log.info(
        "largest standardised mean difference before %.2f, after %.2f",
        balances["smd_before"].abs().max(),
        balances["smd_after"].abs().max(),
    )
