"""What is wrong with a published table is named: file, line, column, what was expected."""

import openpyxl
import pytest

from shared_affect.human import published

COLUMNS = ["word", "rating"]
GOOD = "word\trating\njoy\t7\nfear\t2\n"


def written(tmp_path, content, name="set/table.tsv"):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(path, rows):
    book = openpyxl.Workbook()
    for r in rows:
        book.active.append(r)
    book.save(path)
    return path


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD.replace("joy", " joy "),
        "\n" + GOOD + "\n\n",
    ],
)
def test_harmless_forms_are_read_alike(tmp_path, content):
    frame = published.read_table(written(tmp_path, content), COLUMNS)
    assert frame[COLUMNS].values.tolist() == [["joy", "7"], ["fear", "2"]]


def test_lines_are_those_of_an_editor(tmp_path):
    frame = published.read_table(written(tmp_path, 'word,rating\n"joy, or glee",7\n\nfear,2\n'), COLUMNS, ",")
    assert frame["line"].tolist() == [2, 4] and frame["word"].tolist() == ["joy, or glee", "fear"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"set/table.tsv is empty; expected a table"),
        (b" \r\n\t\n", "is empty"),
        (b"<!DOCTYPE html>\n<html>404</html>", "line 1 begins with '<!DOCTYPE html>.*web page"),
        (b"\xef\xbb\xbf<HTML><body>", "web page"),
        (
            "word\trating\n快乐\t7\n悲伤\t3\n".encode("gbk"),
            "line 2: byte bf is not UTF-8; it can be read as GBK; expected",
        ),
        (GOOD.encode("utf-16"), "line 1: byte ff is not UTF-8; it begins with the mark of UTF-16"),
        ("wort\nfröhlich\n".encode("latin-1"), "line 2: byte f6 is not UTF-8"),
        (
            "word\trate\njoy\t7\n",
            r"line 1: column 'rating' is missing \(renamed to 'rate'\?\); expected word, rating; found word, rate",
        ),
        ("word\tx\njoy\t7\n", "column 'rating' is missing; expected"),
        ("word\trating\trating\njoy\t7\t7\n", "'rating' stands 2 times; expected once"),
        ("word\trating\njoy\t7\nfear\n", "line 3: 1 cells; expected 2, separated by '\\\\t'"),
        ("word\trating\njoy\t7\t8\n", "line 2: 3 cells"),
        ("word,rating\njoy,7\n", "column 'word' is missing"),
        ("word\trating\n", "a header and no rows"),
        ('word\trating\n"joy\t7\n', "line 2: unexpected end of data"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        published.read_table(written(tmp_path, content), COLUMNS)


def test_a_missing_file_says_where_to_look(tmp_path):
    with pytest.raises(ValueError, match=r"set/none.tsv does not exist \(config.yaml, key data_dir; docs/data.md"):
        published.read_table(tmp_path / "set/none.tsv", COLUMNS)


def test_another_encoding_is_read_where_the_dataset_has_it(tmp_path):
    assert published.read_text(written(tmp_path, b"caf\xe9"), ("utf-8-sig", "cp1252")) == "café"


def test_remarks_of_the_authors_are_left_out_and_nothing_else(tmp_path):
    path = written(tmp_path, GOOD + "note ____\n")
    assert len(published.read_table(path, COLUMNS, note="____")) == 2
    with pytest.raises(ValueError, match="line 4: 1 cells"):
        published.read_table(path, COLUMNS)


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ("x", {}, r"line 3: rating of 'fear' is 'x'; expected a number from 1 to 9"),
        ("0.5", {}, "'0.5'; expected a number from 1 to 9"),
        ("9.01", {}, "'9.01'"),
        ("", {}, "is ''; expected"),
        ("nan", {}, "'nan'"),
        ("inf", {}, "'inf'"),
        ("2.5", {"whole": True}, "'2.5'; expected a whole number from 1 to 9"),
        ("12", {"missing": True}, "'12'"),
        ("n/a", {"missing": True}, "'n/a'"),
    ],
)
def test_a_number_out_of_its_range_is_named(tmp_path, value, options, message):
    path = written(tmp_path, GOOD.replace("2", value))
    frame = published.read_table(path, COLUMNS)
    with pytest.raises(ValueError, match=message):
        published.numbers(path, frame, "rating", 1, 9, label="word", **options)


def test_an_unknown_number_is_nan_only_where_it_may_be(tmp_path):
    path = written(tmp_path, "word\trating\na\t7\nb\t\nc\t\ufffd\n")
    found = published.numbers(path, published.read_table(path, COLUMNS), "rating", 1, 9, missing=True)
    assert found[0] == 7 and (found[1:] != found[1:]).all()


@pytest.mark.parametrize(
    ("word", "script", "message"),
    [
        ("", "latin", "line 2: word is empty"),
        ("快乐", "latin", "line 2: word is '快乐' with '快' .*expected words in latin script"),
        ("јoy", "latin", "cyrillic small letter je"),
        ("happy", "han", "'happy', which has no Chinese character"),
        ("快乐я", "han", "cyrillic small letter ya.*han script"),
        ("たのしい楽", "han", "hiragana"),
    ],
)
def test_words_of_another_script_are_refused(tmp_path, word, script, message):
    path = written(tmp_path, f"word\trating\n{word}\t7\n")
    frame = published.read_table(path, COLUMNS)
    with pytest.raises(ValueError, match=message):
        published.words(path, frame, "word", script)


def test_words_of_the_script_are_composed(tmp_path):
    path = written(tmp_path, "word\trating\ncafe\u0301\t7\nDr. Pepper's\t6\n")
    assert published.words(path, published.read_table(path, COLUMNS), "word", "latin").tolist() == [
        "café",
        "Dr. Pepper's",
    ]
    path = written(tmp_path, "word\trating\n卡拉OK\t7\nㄏㄏ\t6\n三〇\t5\n")
    assert published.words(path, published.read_table(path, COLUMNS), "word", "han").tolist() == [
        "卡拉OK",
        "ㄏㄏ",
        "三〇",
    ]


def test_single_words_of_another_script_are_let_through_but_no_file_of_them(tmp_path):
    path = written(tmp_path, "word\trating\nKTV\t7\n快乐\t6\n悲伤\t5\n")
    frame = published.read_table(path, COLUMNS)
    published.check_script(path, frame, "word", "han")
    with pytest.raises(ValueError, match="line 3: word is '快乐', and 67% of them are not in latin script"):
        published.check_script(path, frame, "word", "latin")


def test_a_contradiction_is_refused_and_a_repetition_dropped(tmp_path):
    path = written(tmp_path, GOOD + "joy\t6\n")
    with pytest.raises(ValueError, match="line 4: 'joy' has rating 6, but 7 in line 2; expected each word once"):
        published.unique(path, published.read_table(path, COLUMNS), ["word"], ["rating"])
    path = written(tmp_path, GOOD + "joy\t7\n")
    assert published.unique(path, published.read_table(path, COLUMNS), ["word"], ["rating"])["word"].tolist() == [
        "joy",
        "fear",
    ]


def test_a_word_outside_the_vocabulary_is_named(tmp_path):
    path = written(tmp_path, GOOD)
    with pytest.raises(ValueError, match="line 3: word is 'fear'; expected one of calm, joy"):
        published.choices(path, published.read_table(path, COLUMNS), "word", ("joy", "calm"))


def test_a_workbook_is_read_below_its_header(tmp_path):
    path = workbook(
        tmp_path / "t.xlsx",
        [["total", 12], ["word", "rating", "rating"], ["NA", 7, 1], [None, None, None], ["null", None, 2]],
    )
    frame = published.read_workbook(path, COLUMNS, header_within=3)
    assert frame.values.tolist() == [["NA", "7", 3], ["null", "", 5]]
    with pytest.raises(ValueError, match="column 'word' is missing"):
        published.read_workbook(path, COLUMNS)
    with pytest.raises(ValueError, match="line 2: column 'count' is missing"):
        published.read_workbook(path, ["word", "count"], header_within=3)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"<html>", "web page"), (b"word\trating\n", "no Excel workbook")]
)
def test_what_is_no_workbook_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        published.read_workbook(written(tmp_path, content, "set/t.xlsx"), COLUMNS)


def test_spreadsheet_words_and_traditional_words_are_mended():
    assert published.mend_spreadsheet(["FALSE", "TRUE", "NASA"]).tolist() == ["false", "true", "NASA"]
    assert published.simplify(["驚嘆", "驚歎", "快乐"]) == ["惊叹", "惊叹", "快乐"] and published.simplify(
        ["開心"], "t2s"
    ) == ["开心"]
