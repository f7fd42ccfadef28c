"""Concept-sets of one language: emotion, word, strength, pos, source; words permuted over the sets in the control."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import group_words
from shared_affect.words.concept_sets import check_sets, log_sets, permute_words, require_own
from shared_affect.words.files import CONCEPTS
from shared_affect.words.sources import read_source


def build_concepts(
    words, names, out, *, kind, source, emotions, known, contrast, own, how, shuffle, root_seed, language
):
    """Concept-sets of a language from the source that its rows name, checked.

    Parameters
    ----------
    words : path
        The committed table, associations or a lexicon (tsv).
    names : path or None
        What an emotion is called there: cues or categories (tsv); None for a table.
    out : path
        Concept-sets (tsv).
    kind : {"table", "association", "lexicon"}
    source : str
        Its name, of config.yaml, key concepts.
    emotions, known, contrast : list of str
        Emotions of the study, of the table, and those whose words no other emotion can take from them.
    own : int
        Words that an emotion needs for itself.
    how : dict
        `script` of the language (config/languages.tsv), `settings` of config.yaml, key concept_sets.
    shuffle : str
        "concepts" permutes the words over the sets.
    root_seed : int
    language : str
    """
    frame = read_source(kind, words, names, source, emotions=emotions, known=known, **how)
    check_sets(frame, emotions, source, language)
    where = f"concept-sets from {source}, language {language}"
    require_own(group_words(frame, emotions), where, contrast, at_least=own)
    frame = frame.reindex(columns=["emotion", "word", "strength", "pos"]).assign(source=source)
    log_sets(frame)
    if shuffle == "concepts":
        frame = permute_words(frame, emotions, rng(root_seed, "shuffle_concepts", language))
        LOG.info("control: words permuted over the sets")
    CONCEPTS.write(out, frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, language = snakemake.params, snakemake.input, snakemake.wildcards.language
    given = {k: p[k] for k in ("kind", "source", "emotions", "known", "contrast", "shuffle", "root_seed")}
    given |= dict(own=p.own_words, how={"script": p.script, "settings": p.settings})
    build_concepts(i.words, i.get("names"), snakemake.output[0], **given, language=language)
