"""What is known of the concept words, and rated words without affect matched to those of each emotion."""

import pandas as pd

from shared_affect.concepts import describe_words
from shared_affect.matching import balance, match, word_properties
from shared_affect.runtime import start_log
from shared_affect.tables import read_tsv, write_tsv
from shared_affect.tokens import broken_share, load_tokenizer, word_pieces

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    sets, norms = read_tsv(i.sets[0]), read_tsv(i.norms)
    tokenizer = load_tokenizer(p.model)
    words = list(dict.fromkeys([*sets["word"], *norms["word"]]))
    pieces = word_pieces(tokenizer, words)
    properties = word_properties(words, [len(pieces[w]) for w in words], [read_tsv(f) for f in i.properties])
    own = set(sets["word"])
    write_tsv(o.words, describe_words(sets, pieces, {w: broken_share(tokenizer, [w]) for w in own}, properties, norms["word"]))
    neutral = norms["word"][(norms["valence"].abs() <= p.settings["max_abs_valence"]) & ~norms["word"].isin(own)]
    candidates = properties.loc[neutral].dropna()
    log.info("%d rated words are candidates: |valence| <= %g, in no concept-set, all properties known", len(candidates), p.settings["max_abs_valence"])
    matches, balances = [], []
    for emotion, group in sets.groupby("emotion", sort=False):
        targets = properties.loc[group["word"]]
        per_word = min(p.settings["per_word"], len(candidates) // len(targets))
        if per_word == 0:
            log.warning("%s: %d words, too few candidates for one control each; auroc_neutral stays unknown (config.yaml, key controls)", emotion, len(targets))
            continue
        found = match(targets, candidates, per_word)
        matches.append(found.assign(emotion=emotion))
        balances.append(balance(targets, candidates, found).assign(emotion=emotion))
    columns = ["emotion", "target", "control", "distance"]
    write_tsv(o.matches, pd.concat(matches)[columns] if matches else pd.DataFrame(columns=columns))
    frame = pd.concat(balances) if balances else pd.DataFrame(columns=["emotion", "property", "smd_before", "smd_after", "n_targets", "n_controls", "n_unknown"])
    write_tsv(o.balance, frame)
    log.info("largest standardised mean difference before %.2f, after %.2f", frame["smd_before"].abs().max(), frame["smd_after"].abs().max())
