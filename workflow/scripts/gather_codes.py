"""Codes averaged over templates and read-out positions, with the concept-sets of this variant."""

from pathlib import Path

from shared_affect.base.files import read_arrays
from shared_affect.base.log import start_log
from shared_affect.base.tables import group_words, read_tsv
from shared_affect.features.codes import drop_shared_tokens, gather, write_codes
from shared_affect.models.pieces import word_pieces
from shared_affect.models.tokens import load_tokenizer

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, settings = snakemake.input, snakemake.params.settings
    frame = read_tsv(i.sets[0])
    sets = group_words(frame, list(dict.fromkeys(frame["emotion"])))
    table = read_tsv(i.emotions)
    lists = {Path(f).stem: read_arrays(f) for f in i.concepts}
    codes = gather(
        lists,
        read_arrays(i.norms),
        sets,
        read_arrays(i.running)["density"],
        settings["templates"],
        settings["readout"],
        contrast=set(table["emotion"][table["contrast"]]),
    )
    if snakemake.params.distinct_tokens:
        before = len(codes.concepts.words)
        codes = drop_shared_tokens(
            codes, word_pieces(load_tokenizer(snakemake.params.model), list(codes.concepts.words))
        )
        log.info(
            "untrained: %d of %d concept words share a piece with another emotion's and are left out",
            before - len(codes.concepts.words),
            before,
        )
    log.info(
        "%d concept words, %d rated words, %d live features of %d",
        len(codes.concepts.words),
        len(codes.rated.words),
        len(codes.concepts.live()),
        len(codes.density),
    )
    write_codes(snakemake.output[0], codes)
