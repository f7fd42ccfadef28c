"""What people write is read in one place: as written, or refused by file, line and column."""

import gzip
import logging
import re

import numpy as np
import pandas as pd
import pytest

from shared_affect.base.reading import read_lines, read_written, split_lines
from shared_affect.base.tables import read_emotions, read_tsv, write_tsv
from shared_affect.human import associations, frequencies, lexicons, norms
from shared_affect.human.judgements import read_labels
from shared_affect.human.loaders import load
from shared_affect.human.standard import read_affect, read_coordinates, read_judgements, read_norms, studied_pairs
from shared_affect.planted.world import LANGUAGES
from shared_affect.planted.worldtables import read_world_tables
from shared_affect.ratings.scores import find_ceilings
from shared_affect.spaces.rdm import RaterRDMs
from shared_affect.steering.label_maps import read_label_map
from shared_affect.study.config import ConfigError, read_table
from shared_affect.study.inputs import read_concepts, read_names, read_parts_of_speech, read_prompts, read_templates
from shared_affect.words.lemma_families import read_translations

NORMS = "word\tvalence\tarousal\n"
GOOD = NORMS + "happy\t0.8\t0.2\nsad\t-0.7\t-0.1\n"
EMOTION_TABLE = "emotion\tbasic\tcontrast\nhappy\ttrue\ttrue\nsad\tfalse\ttrue\n"
# every reader of a table that people write: how it is called, and a table it takes
READERS = {
    "norms": (read_norms, GOOD),
    "judgements": (
        read_judgements,
        "rater\temotion_a\temotion_b\tdissimilarity_1to9\nr1\thappy\tcalm\t8\nr1\thappy\tsad\t7\n",
    ),
    "affect": (lambda p: read_affect(p, ["happy", "sad"], 0), GOOD.replace("word", "emotion")),
    "coordinates": (read_coordinates, GOOD),
    "templates": (read_templates, "template\ttext\theld_out\nhappy\t{word}.\tfalse\nsad\tthe word is {word}.\ttrue\n"),
    "prompts": (read_prompts, "prompt\tsplit\ttext\nhappy\tchoose\tAnna\nsad\tscore\tthe driver\n"),
    "concepts": (lambda p: read_concepts(p, ["joy"]), "emotion\tword\njoy\thappy\njoy\tsad\n"),
    "parts of speech": (read_parts_of_speech, "emotion\tword\tpos\njoy\thappy\tj\njoy\tsad\tj\n"),
    "cues": (lambda p: read_names(p, "word", ["joy"]), "emotion\tword\njoy\thappy\njoy\tsad\n"),
    "categories": (
        lambda p: read_names(p, "category", ["joy"], may_be_empty=True),
        "category\temotion\nhappy\t\nsad\tjoy\n",
    ),
    "label map": (
        lambda p: read_label_map(p, ["happy", "sad"], ["joy"]),
        "label\temotion\tbasic\nhappy\tjoy\tjoy\nsad\t\t\n",
    ),
    "translations": (
        lambda p: read_translations(p, ["en", "zh"]),
        "pair\ten\tzh\nhappy\thappy\t快乐\nsad\tsad\t悲伤\n",
    ),
    "emotions": (read_emotions, EMOTION_TABLE),
}


def written(tmp_path, content, name="own/t.tsv"):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_rows(found):
    return repr(found.to_dict("list")) if isinstance(found, pd.DataFrame) else found


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: "\ufeff" + t,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: t.rstrip("\n"),
        lambda t: t + "\n\n",
        lambda t: t.replace("\n", "\n\n", 1),
    ],
)
def test_harmless_forms_of_every_table_are_read_alike(tmp_path, name, change):
    reader, text = READERS[name]
    assert as_rows(reader(written(tmp_path, change(text)))) == as_rows(reader(written(tmp_path, text)))


REFUSED = {
    "a workbook": (lambda t: b"PK\x03\x04\x14\x00", "is a zip archive .or a workbook., not text"),
    "an archive": (lambda t: gzip.compress(t.encode()), "is a gzip archive"),
    "absent": (None, "own/t.tsv does not exist"),
    "empty": (lambda t: "", "is empty"),
    "blank": (lambda t: "\n \n", "is empty"),
    "a mark only": (lambda t: b"\xef\xbb\xbf", "is empty"),
    "no rows": (lambda t: t.split("\n")[0] + "\n", "no rows"),
    "UTF-16": (
        lambda t: t.encode("utf-16"),
        "line 1: byte f[ef] is not UTF-8; it begins with the mark of UTF-16.*iconv -f UTF-16",
    ),
    "UTF-16 without its mark": (lambda t: t.encode("utf-16-le"), "line [12]: .*UTF-16"),
    "NUL": (lambda t: t.replace("sad", "s\0d", 1), "line 3: a NUL character"),
    "GBK": (
        lambda t: t.replace("sad", "悲伤", 1).encode("gbk"),
        "byte .* is not UTF-8; it can be read as GBK.*iconv -f GBK",
    ),
    "Latin-1": (
        lambda t: t.replace("sad", "gêné", 1).replace("快乐", "").replace("悲伤", "").encode("latin-1"),
        "line 3: byte ea is not UTF-8; it can be read as Latin-1.*iconv -f WINDOWS-1252",
    ),
    "a cell too many": (
        lambda t: re.sub(r"^([^\n]*\n[^\n]*\n[^\n]*)", r"\1\tx", t),
        "line 3: . cells; needed: ., separated by tabs",
    ),
    "every row a cell too long": (lambda t: re.sub(r"\n(?=.)", "\nx\t", t), "line 2: . cells; needed: ."),
    "a tab at the end of rows": (
        lambda t: t.split("\n", 1)[0] + "\n" + t.split("\n", 1)[1].replace("\n", "\t\n"),
        "line 2: . cells",
    ),
    "a cell too few": (lambda t: re.sub(r"(\n[^\n]*)\t[^\t\n]*\n$", r"\1\n", t), "line 3: . cells"),
    "commas": (lambda t: t.replace("\t", ","), "is missing; found: .*cells are separated by tabs"),
    "a column twice": (
        lambda t: (
            re.sub(r"^(\w+)\t(.*)$", r"\1\t\2\t\1", re.sub(r"\n(?=.)", "\n", t), count=1, flags=re.M)
            .replace("\n", "\tx\n")
            .replace("\tx\n", "\n", 1)
        ),
        "stands 2 times",
    ),
    "a quoted header": (
        lambda t: re.sub(r"\w+", r'"\g<0>"', t.split("\n")[0]) + t[t.index("\n") :],
        "is missing.*quotation marks are characters",
    ),
    "a space behind": (
        lambda t: t.replace("sad", "sad ", 1),
        "line 3: .*'sad '; allowed: a .* without spaces around it",
    ),
    "an ideographic space behind": (lambda t: t.replace("sad", "sad\u3000", 1), r"line 3: .*'sad\\u3000'; allowed"),
    "a no-break space before": (lambda t: t.replace("sad", "\u00a0sad", 1), r"line 3: .*'\\xa0sad'"),
    **{
        f"U+{ord(c):04X}": (
            lambda t, c=c: t.replace("sad", f"sad{c}", 1),
            f"line 3: .* with U[+]{ord(c):04X} .*which cannot be seen",
        )
        for c in "\u200b\u200c\u200d\ufeff\u00ad\u2060\u200e"
    },
    "a no-break space inside": (
        lambda t: t.replace("sad", "s\u00a0d", 1),
        r"line 3: .*U[+]00A0 \(no-break space\).*plain spaces",
    ),
    "a control character": (lambda t: t.replace("sad", "s\x0bd", 1), "line 3: .*U[+]000B"),
    "an empty cell": (lambda t: t.replace("sad", "", 1), "line 3: .* is empty|'sad' is in the texts"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_alike(tmp_path, name, case):
    reader, text = READERS[name]
    change, message = REFUSED[case]
    path = written(tmp_path, change(text)) if change else tmp_path / "own/t.tsv"
    with pytest.raises(ValueError, match=message):
        reader(path)


@pytest.mark.parametrize("name", READERS)
def test_two_spellings_of_one_word_never_stay(tmp_path, name):
    reader, text = READERS[name]
    # composed and decomposed are one word: twice in one table is refused where it is a key, and joined where it is none
    both = text.replace("happy", "café").replace("sad", "cafe\u0301")
    with pytest.raises(ValueError, match=r"café|stands"):
        reader(written(tmp_path, both))


def test_quotation_marks_are_characters(tmp_path):
    frame = read_norms(
        written(tmp_path, NORMS + '"glum\t-.5\t0\nsad\t-.7\t0\ncalm\t.2\t-.5\nmad"\t-.6\t.6\n"x"\t0\t0\n"\t0\t0\n')
    )
    assert frame["word"].tolist() == ['"', '"glum', '"x"', "calm", 'mad"', "sad"]
    text = (
        'template\ttext\theld_out\nbare\t"{word}".\tfalse\nsaid\t"I am {word}.\tfalse\nend\tthey are'
        ' {word}."\tfalse\nasked\t"Yes", she said, "{word}".\tfalse\n'
    )
    path = written(tmp_path, text)
    assert (
        list(read_templates(path)) == ["bare", "said", "end", "asked"]
        and read_templates(path)["said"] == '"I am {word}.'
    )
    prompts = read_prompts(
        written(
            tmp_path,
            'prompt\tsplit\ttext\np1\tchoose\t"I feel\np2\tscore\tShe said:'
            ' "I\np3\tscore\t"\np4\tchoose\t“He\np5\tscore\tso "true"\np6\tscore\t"Oh"\n',
        )
    )
    assert [p[2] for p in prompts] == ['"I feel', 'She said: "I', '"', "“He", 'so "true"', '"Oh"']
    concepts = written(tmp_path, 'emotion\tword\tpos\njoy\t"glad\tj\njoy\tmerry\tj\njoy\tgay"\tj\n')
    assert (
        read_concepts(concepts, ["joy"])
        == {"joy": ['"glad', "merry", 'gay"']}
        == {"joy": [w for _, w in read_parts_of_speech(concepts)]}
    )


@pytest.mark.parametrize("cell", ['"say ""it"" {word}"', '"""{word}"', '""'])
def test_a_spreadsheet_s_quoting_is_refused_rather_than_kept(tmp_path, cell):
    with pytest.raises(ConfigError, match=r"line 2: text is .*as a spreadsheet quotes cells"):
        read_templates(written(tmp_path, f"template\ttext\theld_out\nbare\t{cell}\tfalse\n"))


def test_words_like_null_and_numbers_are_words(tmp_path):
    words = ["null", "NA", "true", "nan", "None", "inf", "01", "1e3", "N/A", "#N/A", "TRUE"]
    found = read_norms(written(tmp_path, NORMS + "".join(f"{w}\t0.{k}\t0\n" for k, w in enumerate(words))))
    assert set(found["word"]) == set(words)
    assert load("norms", "standard", [written(tmp_path, NORMS + "1\t0\t0\n2\t.5\t0\n")])["word"].tolist() == ["1", "2"]


@pytest.mark.parametrize("raters", [("NA", "01", "1"), ("1", "2", "3"), ("true", "null", "1.0")])
def test_raters_are_text_from_the_file_to_the_ceiling(tmp_path, raters):
    rng = np.random.default_rng(0)
    pairs = [("joy", "fear"), ("joy", "NA"), ("fear", "NA")]
    text = "rater\temotion_a\temotion_b\tdissimilarity_1to9\n" + "".join(
        f"{r}\t{a}\t{b}\t{rng.integers(1, 10)}\n" for r in raters for a, b in pairs
    )
    found = studied_pairs(read_judgements(written(tmp_path, text)), ["joy", "fear", "NA"], "t.tsv")
    write_tsv(tmp_path / "between.tsv", found)
    assert RaterRDMs.from_long(read_tsv(tmp_path / "between.tsv")).raters == tuple(sorted(raters))
    assert found["dissimilarity"].dtype.kind == "i"


JUDGED = "rater\temotion_a\temotion_b\tdissimilarity_1to9\nr1\tjoy\tfear\t8\nr1\tjoy\tcalm\t2\nr2\tjoy\tfear\t7\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            JUDGED.replace("\t7\n", "\t99\n"),
            "line 4: dissimilarity_1to9 of 'r2' is '99'; expected a number from 1 to 9",
        ),
        (JUDGED.replace("\t7\n", "\t0\n"), "is '0'; expected a number from 1 to 9"),
        (JUDGED.replace("\t7\n", "\t-9\n"), "is '-9'"),
        (JUDGED.replace("\t7\n", "\t7,5\n"), "is '7,5'"),
        (JUDGED.replace("\t7\n", "\t７\n"), "is '７'"),
        (JUDGED.replace("\t7\n", "\tNA\n"), "is 'NA'"),
        (JUDGED.replace("\t7\n", "\tinf\n"), "is 'inf'"),
        (JUDGED.replace("\t7\n", "\t\n"), "line 4: dissimilarity_1to9 is empty"),
        (JUDGED.replace("\t7\n", "\t.\n"), "is '.'"),
        (JUDGED + "r1\tjoy\tjoy\t1\n", "line 5: rater 'r1' judges 'joy' against itself"),
        (JUDGED + "r1\tjoy\tfear\t8\n", "line 5: rater 'r1' judges joy - fear in line 2 too"),
        (
            JUDGED + "r1\tfear\tjoy\t3\n",
            "line 5: rater 'r1' judges fear - joy in line 2 too; allowed: every pair once, in either order",
        ),
        (
            JUDGED.replace("dissimilarity_1to9", "dissimilarity_0to100"),
            "column 'dissimilarity_1to9' is missing; found: .*0to100",
        ),
    ],
)
def test_bad_judgements_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_judgements(written(tmp_path, text))


def test_judgements_may_lie_between_the_whole_numbers(tmp_path):
    assert read_judgements(written(tmp_path, JUDGED.replace("\t7\n", "\t7.5\n")))["dissimilarity"].tolist() == [
        8,
        2,
        7.5,
    ]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "word\tvalence\tarousal\tvalence_sd\tvalence_n\tarousal_sd\tarousal_n\nhappy\t0.8\t0.2\t\t\t\t\nsad\t-0.7\t-0.1\t\t\t\t\n",
        "word\tvalence\tarousal\tvalence_n\tarousal_n\nhappy\t0.8\t0.2\t20\t20\nsad\t-0.7\t-0.1\t20\t20\n",
        "word\tvalence\tarousal\tvalence_sd\tvalence_n\tarousal_sd\tarousal_n\nhappy\t0.8\t0.2\t.1\t20\t.1\t20\nsad\t-0.7\t-0.1\t\t20\t.2\t\n",
    ],
)
def test_without_sd_or_n_the_ceiling_is_unknown(tmp_path, text):
    frame = load("norms", "standard", [written(tmp_path, text)])
    assert list(frame) == norms.COLUMNS and frame["valence"].tolist() == [0.8, -0.7]
    write_tsv(tmp_path / "between.tsv", frame)
    found = find_ceilings(read_tsv(tmp_path / "between.tsv"))
    assert len(found) == 0 and list(found) == ["pairs", "quantity", "statistic", "value", "n", "n_raters"]


def test_columns_that_nothing_reads_are_logged_and_misspelt_ones_refused(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO, logger="shared_affect")
    monkeypatch.setattr(logging.getLogger("shared_affect"), "propagate", True)
    assert (
        len(read_norms(written(tmp_path, GOOD.replace("\n", "\tx\n")))) == 2
        and "columns that nothing reads here: x" in caplog.text
    )
    for column, meant in (("plantd", "planted"), ("POS", "pos"), ("sources", "source")):
        with pytest.raises(ConfigError, match=f"unknown column '{column}' .did you mean '{meant}'"):
            read_concepts(written(tmp_path, f"emotion\tword\t{column}\njoy\tglad\tx\njoy\tmerry\tx\n"), ["joy"])


def test_running_text_is_read_by_line_and_refused_by_line(tmp_path):
    assert read_lines(written(tmp_path, '\ufeff一\n\ntwo\u2028still two\r\n"three\n four \n')) == [
        "一",
        "two\u2028still two",
        '"three',
        " four ",
    ]
    for content, message in (
        (None, "own/t.tsv does not exist; needed: running text"),
        (b"", "is empty"),
        (b"a\nb\xf6c\n", "line 2: byte f6 is not UTF-8"),
        (b"a\n\0\n", "line 2: a NUL"),
        ("快乐\n悲伤\n".encode("gb18030"), "line 1: .*GBK"),
        ("a\n".encode("utf-16"), "line 1: .*UTF-16"),
    ):
        (tmp_path / "own/t.tsv").unlink(missing_ok=True)
        with pytest.raises(ValueError, match=message):
            read_lines(written(tmp_path, content) if content is not None else tmp_path / "own/t.tsv")
    with pytest.raises(ValueError, match="does not exist as a file"):
        read_lines(tmp_path / "own")
    assert split_lines("a\r\nb\rc\nd\u2028\x85\x0ce") == ["a", "b", "c", "d\u2028\x85\x0ce"]


def test_running_text_in_tables_keeps_what_has_a_meaning_there(tmp_path):
    text = "Il dit\u00a0: «\u202foui\u202f» می\u200cخواهم ❤\ufe0f cafe\u0301"
    assert read_prompts(written(tmp_path, f"prompt\tsplit\ttext\np1\tscore\t{text}\n")) == [("p1", "score", text)]
    for bad in "\u200b\ufeff\u00ad\x07":
        with pytest.raises(ConfigError, match=r"line 2: text is .*cannot be seen"):
            read_prompts(written(tmp_path, f"prompt\tsplit\ttext\np1\tscore\tso{bad} it was\n"))


def test_tables_of_the_configuration_share_the_mechanism(tmp_path):
    (tmp_path / "schema.yaml").write_text(
        "type: object\nadditionalProperties: false\nkey: [name]\nrequired: [name, note]\nproperties:\n  name: {type:"
        " string}\n  note: {type: string}\n"
    )

    def read(content):
        return read_table(written(tmp_path, content), tmp_path / "schema.yaml")

    assert read('name\tnote\r\na\t"x\r\n\r\nb\t\r\n') == [{"name": "a", "note": '"x'}, {"name": "b", "note": ""}]
    for content, message in (
        ("name\tnote\na\u200b\tx\n", "line 2: name .*U[+]200B"),
        ("name\tnote\n\na\tx\na\ty\n", r"name = a stands 2 times \(lines 3, 4\)"),
        ("name\tnote\nb\tx\n".encode("utf-16"), "UTF-16"),
        ("name\tnote\nä\tx\n".encode("latin-1"), "line 2: byte e4"),
        ("", "is empty; needed: .*name, note"),
    ):
        with pytest.raises(ConfigError, match=message):
            read(content)


def test_cues_and_categories_name_known_emotions(tmp_path):
    with pytest.raises(ConfigError, match=r"line 3: emotion is 'jooy' \(did you mean 'joy'\?\)"):
        read_names(written(tmp_path, "emotion\tword\njoy\tjoy\njooy\tglad\n"), "word", ["joy"])
    with pytest.raises(ConfigError, match="line 3: emotion, word 'joy glad' stands in line 2 too"):
        read_names(written(tmp_path, "emotion\tword\njoy\tglad\njoy\tglad\n"), "word", ["joy"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "template\ttext\theld_out\nbare\t{wort}.\tno\n",
            "line 2: text is '{wort}.'; allowed: a text with {word} once",
        ),
        ("prompt\tsplit\ttext\np1\tscores\tx\n", "line 2: split is 'scores'; allowed: choose, score"),
        ("prompt\tsplit\ttext\np1\tscore\tx\np1\tscore\ty\n", "line 3: prompt 'p1' stands in line 2 too"),
        ("prompt\tsplit\ttext\np1\tscore\tx \n", "line 2: text is 'x '; allowed: a text without spaces"),
    ],
)
def test_bad_carriers_and_prompts_are_named(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        (read_templates if text.startswith("template") else read_prompts)(written(tmp_path, text))


# --- published files --------------------------------------------------------------------------------------------------

WARRINER = "Word,V.Mean.Sum,V.SD.Sum,V.Rat.Sum,A.Mean.Sum,A.SD.Sum,A.Rat.Sum\n"
SUBTLEX = "Word\tFREQcount\tSUBTLWF\tLg10WF\tSUBTLCD\n"
LOADED = {
    "warriner": (norms.read_warriner, WARRINER, "{},{},1,20,5,1,20\n", ("7", "2")),
    "nrc-vad": (norms.read_nrc_vad, "Word\tValence\tArousal\tDominance\n", "{}\t{}\t.5\t.5\n", (".9", ".1")),
    "nrc-vad without a header": (norms.read_nrc_vad, "aah\t.5\t.5\t.5\n", "{}\t{}\t.5\t.5\n", (".9", ".1")),
    "usf": (associations.read_usf, "CUE,TARGET,#G,#P,FSG,BSG\n", "{},smile,100,50,{},.1\n", (".5", ".2")),
    "swow-en": (
        associations.read_swow_en,
        "cue\tresponse\tR123\tN\tR123.Strength\n",
        "{}\tsmile\t50\t100\t{}\n",
        (".5", ".2"),
    ),
    "subtlex-us": (frequencies.read_subtlex_us, SUBTLEX, "{}\t{}\t1\t2\t3\n", ("70", "20")),
    "brysbaert": (
        frequencies.read_concreteness,
        "Word\tBigram\tConc.M\tConc.SD\tUnknown\tTotal\n",
        "{}\t0\t{}\t1\t0\t20\n",
        ("4", "2"),
    ),
}


@pytest.mark.parametrize("name", LOADED)
@pytest.mark.parametrize(
    "spelling",
    ["happy\u200b", "\ufeffhappy", "hap\u00adpy", "happy\u00a0", "happy\u3000", "happy\u200d", "happy\u2060", " happy"],
)
def test_two_spellings_of_a_published_word_are_one_word(tmp_path, name, spelling):
    reader, header, row, (a, b) = LOADED[name]
    with pytest.raises(
        ValueError,
        match=rf"line 3: 'happy( smile)?' has .* {re.escape(b.replace('.', '0.')) if name == 'usf' else '.*'}",
    ):
        reader(written(tmp_path, header + row.format("happy", a) + row.format(spelling, b)))
    once = reader(written(tmp_path, header + row.format(spelling, a)))
    assert "happy" in set(once.iloc[:, 0]) and len(once) == 1 + (header.startswith("aah"))


@pytest.mark.parametrize("name", LOADED)
def test_composed_and_decomposed_are_one_published_word(tmp_path, name):
    reader, header, row, (a, b) = LOADED[name]
    with pytest.raises(ValueError, match="line 3: 'café"):
        reader(written(tmp_path, header + row.format("café", a) + row.format("cafe\u0301", b)))


def test_published_quoting_is_kept_and_never_spans_lines(tmp_path):
    row = ",7,1,20,5,1,20\n"
    found = norms.read_warriner(
        written(tmp_path, WARRINER + '"happy, or so"' + row + '"say ""hi"""' + row + "sad" + row)
    )
    assert found["word"].tolist() == ["happy, or so", "sad", 'say "hi"']
    for begin, end in (('"glum', 'mad"'), ('"glum', 'x,"mad')):
        with pytest.raises(
            ValueError,
            match=r"line 3: a cell opens with a quotation mark that closes in line 5|line 3: .*expected cells",
        ):
            norms.read_warriner(written(tmp_path, WARRINER + "calm" + row + begin + row + "sad" + row + end + row))
    with pytest.raises(ValueError, match="line 2: unexpected end of data"):
        norms.read_warriner(written(tmp_path, WARRINER + '"glum' + row + "sad" + row))


def test_a_damaged_cell_is_named_where_nothing_reads_it_and_refused_where_something_does(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO, logger="shared_affect")
    monkeypatch.setattr(logging.getLogger("shared_affect"), "propagate", True)
    words = [f"w{'abcdefghijklmnopqrstuvwxyz'[k]}" for k in range(24)]
    for header in ("Word\tValence\tArousal\tDominance\n", ""):
        rows = [f"{w}\t.5\t.4\t.3\n" for w in words]
        at = 18 - (header != "")
        rows[at] = rows[at].replace(".3", "0.445z")
        caplog.clear()
        assert len(norms.read_nrc_vad(written(tmp_path, header + "".join(rows)))) == 24
        assert f"line {19}: Dominance is '0.445z', no number; nothing reads that column" in caplog.text
        rows[at] = rows[at].replace(".4\t", "0.4z\t")
        with pytest.raises(ValueError, match=r"line 19: Arousal of 'w.' is '0.4z'; expected a number from 0 to 1"):
            norms.read_nrc_vad(written(tmp_path, header + "".join(rows)))
    # a column of numbers that the loader leaves out is looked at too, a column of words is not
    caplog.clear()
    text = WARRINER.replace("\n", ",D.Mean.Sum,note\n") + "".join(
        f"{w},7,1,20,5,1,20,{'5.1x' if k == 3 else 5},{w}\n" for k, w in enumerate(words)
    )
    assert (
        len(norms.read_warriner(written(tmp_path, text))) == 24
        and "line 5: D.Mean.Sum is '5.1x'" in caplog.text
        and "note" not in caplog.text
    )


def test_labels_and_dictionaries_end_where_their_lines_end(tmp_path):
    assert read_labels(written(tmp_path, "\ufeffjoy\r\n\r\nfear\u200b\r\n")) == ["joy", "fear"]
    with pytest.raises(ValueError, match="line 4: label 'joy' stands in line 1 too"):
        read_labels(written(tmp_path, "joy\n\nfear\njoy\u00a0\n"))
    assert lexicons.read_cedict(written(tmp_path, "# note\n快樂 快乐 [kuai4 le4] /happy/\r\n"))["word"].tolist() == [
        "快乐"
    ]


# --- the planted world ------------------------------------------------------------------------------------------------


def world_files(root, tmp_path):
    folder = tmp_path / "resources"
    for part in ("planted", "concepts", "templates"):
        (folder / part).mkdir(parents=True)
        for path in (root / "resources" / part).glob("*.tsv"):
            (folder / part / path.name).write_bytes(path.read_bytes())
    return folder


def world(folder):
    return read_world_tables(
        folder / "planted",
        {k: folder / f"concepts/{k}.tsv" for k in LANGUAGES},
        {k: folder / f"templates/{k}.tsv" for k in LANGUAGES},
    )


def test_the_planted_world_reads_what_the_check_reads(root, tmp_path):
    folder = world_files(root, tmp_path)
    whole = world(folder)
    path = folder / "templates/en.tsv"
    path.write_text(
        path.read_text(encoding="utf-8")
        + 'q1\t"I am {word}.\tfalse\nq2\tthey are {word}."\tfalse\nq3\t"{word}".\tfalse\n',
        encoding="utf-8",
    )
    quoted = world(folder).templates["en"]
    assert (
        quoted["template"].tolist() == list(read_templates(path))
        and len(quoted) == len(whole.templates["en"]) + 3
        and quoted["text"].tolist()[-3:] == ['"I am {word}.', 'they are {word}."', '"{word}".']
    )
    path = folder / "concepts/en.tsv"
    path.write_text(
        path.read_text(encoding="utf-8") + 'joy\t"glum\tj\tfalse\town\njoy\tmad"\tj\tfalse\town\n', encoding="utf-8"
    )
    assert len(world(folder).concepts["en"]) == len(whole.concepts["en"]) + 2
    path.write_text(path.read_text(encoding="utf-8") + 'joy\t"gay"\tj\ttrue\town\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"concepts/en.tsv, line .*without quotation marks"):
        world(folder)


def test_the_reader_says_what_it_needs(tmp_path):
    with pytest.raises(ValueError, match=r"own/t.tsv does not exist; needed: a tab-separated table with columns a, b"):
        read_written(tmp_path / "own/t.tsv", ["a"], ["b"])
