"""Codes averaged over templates and read-out positions, with the concept-sets of this variant."""

from pathlib import Path

from shared_affect.base.log import LOG, start_log
from shared_affect.base.tables import group_words, read_emotions
from shared_affect.features.codes import drop_shared_tokens, gather, write_codes
from shared_affect.features.files import RUNNING_TEXT, WORD_ARRAYS
from shared_affect.models.pieces import word_pieces
from shared_affect.models.tokens import load_tokenizer
from shared_affect.words.files import CONCEPTS


def gather_codes(concepts, norms, running, sets, emotions, out, *, templates, readout, distinct_tokens_of=None):
    """Codes and residuals of concept words and rated words, one row a word.

    Parameters
    ----------
    concepts : list of path
        Extracted arrays of each emotion's words, the file called like the emotion (npz).
    norms, running : path
        Extracted arrays of the rated words; firing rates in affect-free text (npz).
    sets : path
        Concept-sets of the variant (tsv).
    emotions : path
        Table of the emotions (tsv).
    out : path
        Codes (npz).
    templates : list of str
        Templates to average over.
    readout : {"word", "after", "word-after"}
    distinct_tokens_of : path, optional
        Folder of a model: concept words that share a piece with another emotion's are left out.
    """
    frame = CONCEPTS.read(sets)
    table = read_emotions(emotions)
    codes = gather(
        {Path(f).stem: WORD_ARRAYS.read(f) for f in concepts},
        WORD_ARRAYS.read(norms),
        group_words(frame, list(dict.fromkeys(frame["emotion"]))),
        RUNNING_TEXT.read(running)["density"],
        templates,
        readout,
        contrast=set(table["emotion"][table["contrast"]]),
    )
    if distinct_tokens_of is not None:
        words = list(codes.concepts.words)
        codes = drop_shared_tokens(codes, word_pieces(load_tokenizer(distinct_tokens_of), words))
        said = "untrained: %d of %d concept words share a piece with another emotion's and are left out"
        LOG.info(said, len(words) - len(codes.concepts.words), len(words))
    sizes = (len(codes.concepts.words), len(codes.rated.words), len(codes.concepts.live()), len(codes.density))
    LOG.info("%d concept words, %d rated words, %d live features of %d", *sizes)
    write_codes(out, codes)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    how = dict(**p.settings, distinct_tokens_of=p.model if p.distinct_tokens else None)
    gather_codes(i.concepts, i.norms, i.running, i.sets[0], i.emotions, snakemake.output[0], **how)
