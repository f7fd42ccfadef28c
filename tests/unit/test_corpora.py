"""Rows of tokens and the texts of a user's files."""

from itertools import islice
from pathlib import Path

import pytest
from tokenizers_made import TEXTS, byte_level, gpt2_type, save

from shared_affect.models.texts import Documents, long_lines, pack, read_documents, text_files
from shared_affect.models.tokens import load_ids
from shared_affect.study.config import ConfigError


def test_rows_begin_with_the_first_token_and_hold_every_text_once(tmp_path):
    for folder, n_between in (
        (gpt2_type(tmp_path / "a"), 1),
        (
            save(
                byte_level(specials=("<s>", "</s>"), template="<s> $A"),
                tmp_path / "b",
                bos_token="<s>",
                eos_token="</s>",
            ),
            2,
        ),
    ):
        ids = load_ids(folder)
        rows = pack(ids, TEXTS * 3, 11, begin=True)
        assert set(rows[:, 0].tolist()) == set(ids.first)
        stream = [i for row in rows[:, 1:].tolist() for i in row]
        plain = [x[1:] for x in ids.ids(TEXTS * 3)]
        joined = [i for x in plain for i in [*(ids.first if n_between == 2 else ()), *x, ids.end]]
        assert stream == joined[: len(stream)] and len(joined) - len(stream) < 10
        # as it was: rows cut anywhere
        cut = pack(ids, TEXTS * 3, 11)
        joined = [i for x in ids.ids(TEXTS * 3) for i in [*x, ids.end]]
        assert cut.flatten().tolist() == joined[: cut.numel()]
        assert pack(ids, iter(TEXTS * 3), 11, begin=True, at_most=4).tolist() == rows[:4].tolist()


def test_no_more_texts_are_read_than_needed(tmp_path):
    read = []

    def texts():
        for k in range(10_000):
            read.append(k)
            yield TEXTS[k % len(TEXTS)]

    assert (
        len(pack(load_ids(gpt2_type(tmp_path / "m")), texts(), 16, begin=True, at_most=20)) == 20 and len(read) == 1000
    )


def test_a_tokenizer_without_end_joins_texts(tmp_path):
    ids = load_ids(save(byte_level(specials=("<x>",)), tmp_path / "m"))
    assert (
        ids.end is None
        and ids.first == ()
        and pack(ids, TEXTS, 8).flatten().tolist()
        == [i for x in ids.ids(TEXTS) for i in x][: pack(ids, TEXTS, 8).numel()]
    )


def test_files_and_folders_of_texts(tmp_path):
    (tmp_path / "b.txt").write_bytes("﻿one\r\n\r\n  two \r\n".encode())
    (tmp_path / "a.txt").write_text("三\n四", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no text", encoding="utf-8")
    where = "config/saes.tsv, model m, sae s"
    assert text_files(str(tmp_path / "b.txt"), where) == [tmp_path / "b.txt"]
    assert list(read_documents(text_files("{data_dir}", where, lambda t: t.format(data_dir=tmp_path)))) == [
        "三",
        "one",
        "四",
        "two",
    ]


BAD = {
    "absent": (None, None, r"column texts is '.*/t\.txt'; allowed: world, sampled, or a file or folder that is there"),
    "empty": ("t.txt", b"", "t.txt is empty"),
    "blank": ("t.txt", b"\xef\xbb\xbf \n\n\t\r\n", "holds no text; needed: a text a line, UTF-8"),
    "gbk": ("t.txt", "one\ntwo\n快乐".encode("gbk"), r"t.txt, line 3: byte 0x\w\w is not UTF-8"),
    "utf-16": ("t.txt", "one\ntwo".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "utf-16 without a mark": ("t.txt", "one\ntwo".encode("utf-16-le"), "line 1 holds a zero byte"),
    "cut": ("t.txt", "one\n快乐".encode()[:-1], "line 2: the last character is cut"),
    "old Mac": ("t.txt", b"one\rtwo\rthree\r", "t.txt ends its 3 lines by CR alone"),
    "late": ("t.txt", b"word and word\n" * 200_000 + b"\xff\n", "line 200001: byte 0xff"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_text_is_refused_by_file_and_line(tmp_path, case):
    name, content, message = BAD[case]
    if name:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=r"config/saes.tsv, model m, sae s, column texts.*") as error:
        text_files(str(tmp_path / "t.txt"), "config/saes.tsv, model m, sae s")
    assert error.match(message)


def test_other_values_of_the_column_are_named(tmp_path):
    where = "config/saes.tsv, model m, sae s"
    for texts, message in (
        ("wrold", r"'wrold' \(did you mean 'world'\?\); allowed: world, sampled"),
        ("world", "row names no world"),
        (None, "column texts is ''"),
        ("{datadir}/x", "cannot be filled in"),
    ):
        with pytest.raises(ConfigError, match=message):
            text_files(texts, where, lambda t: t.format(data_dir=tmp_path))
    (tmp_path / "f").mkdir()
    with pytest.raises(ConfigError, match=r"the folder .*f holds no \*\.txt"):
        text_files(str(tmp_path / "f"), where)


def test_of_several_files_equal_parts_are_read_until_one_ends(tmp_path):
    """A large file of one language beside another's: what is read first is not one of them alone."""
    (tmp_path / "en.txt").write_text("".join(f"english words number {k:04d}\n" for k in range(500)), encoding="utf-8")
    (tmp_path / "zh.txt").write_text("".join(f"这是中文第{k:04d}句话\n" for k in range(400)), encoding="utf-8")
    read = Documents(text_files(str(tmp_path), "config/saes.tsv, model m, sae s"))
    texts = list(islice(iter(read), 300))
    facts = {Path(k).name: v for k, v in read.facts().items()}
    parts = [facts[k]["bytes"] for k in ("en.txt", "zh.txt")]
    assert abs(parts[0] - parts[1]) < 40 and sum(f["documents"] for f in facts.values()) == 300
    assert [t for t in texts if t[0] == "e"] == [
        f"english words number {k:04d}" for k in range(facts["en.txt"]["documents"])
    ]
    assert len(list(read)) == 900 and len({f["sha256"] for f in facts.values()}) == 2


def test_a_file_whose_words_change_has_another_digest(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    before = Documents([tmp_path / "a.txt"]).facts()
    (tmp_path / "a.txt").write_text("one\ntoo\n")
    assert before != Documents([tmp_path / "a.txt"]).facts()


def test_a_line_that_would_make_parts_unequal_is_named_or_refused(tmp_path):
    """Parts are equal up to a line: training that reads 4,000 bytes takes a first line of 3,000 whole."""
    where = "config/saes.tsv, model m, sae s"
    short = "".join(f"words of a line {k:03d}\n" for k in range(400))
    for length, share in ((3000, 0.75), (200, 0.05), (30, None)):
        (tmp_path / "en.txt").write_text("first\n" + "x" * (length - 1) + "\n" + short, encoding="utf-8")
        (tmp_path / "zh.txt").write_text("一句中文\n" * 400, encoding="utf-8")
        files = [tmp_path / "en.txt", tmp_path / "zh.txt"]
        found = long_lines(files, 1000)
        assert found == ([(files[0], 2, share)] if share else [])
        if share and share > 0.1:
            with pytest.raises(ConfigError, match=r"en.txt, line 2 is 75% of what training reads"):
                text_files(str(tmp_path), where, n_tokens=1000)
        else:
            assert text_files(str(tmp_path), where, n_tokens=1000) == files
    # of one file there are no parts, and of ten times the training the line is a tenth
    (tmp_path / "en.txt").write_text("x" * 3000 + "\n" + short, encoding="utf-8")
    assert long_lines(files[:1], 1000) == [] and long_lines(files, 10_000) == [(files[0], 1, 3001 / 40_000)]
    # a line that is not read is nobody's concern, and one that never ends is as long as what is read
    (tmp_path / "en.txt").write_text(short + "x" * 3000, encoding="utf-8")
    assert long_lines(files, 1000) == []
    (tmp_path / "en.txt").write_text("x" * 100_000, encoding="utf-8")
    assert long_lines(files, 1000) == [(files[0], 1, 1.0)]
