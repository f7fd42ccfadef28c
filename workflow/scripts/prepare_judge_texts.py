"""Texts that people labelled, as training texts of the embedded judge."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.steering.label_maps import judge_texts, read_label_map

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    texts = read_tsv(i.texts).fillna({"text": ""})
    found, untested = judge_texts(texts, read_label_map(i.map, set(texts["label"]), p.known), p.emotions)
    write_tsv(snakemake.output[0], found)
