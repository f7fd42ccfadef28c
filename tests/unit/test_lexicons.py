"""Emotion lexicons."""

import openpyxl
import pytest

from shared_affect.human import lexicons

TERMS = (
    "term\tpos\tcategory\temotion\njollity\tNOUN\tJoy\tPositive\nhate\tVERB\tDislike\tNegative\n"
    "dread\tNOUN\tFear\tNegative\nproud\tADJ\tPride\tPositive\n"
)
TREE = """<categ-list><categ name="root"/><categ name="emotion" isa="root"/><categ name="joy" isa="emotion"/>
<categ name="general-dislike" isa="emotion"/><categ name="dislike" isa="general-dislike"/>
<categ name="negative-fear" isa="emotion"/><categ name="self-pride" isa="emotion"/>
<categ name="joy" isa="elsewhere"/></categ-list>"""
HEAD = ["词语", "词性种类", "词义数", "词义序号", "情感分类", "强度", "极性", "辅助情感分类", "强度", "极性"]
DUTIR = [
    HEAD,
    ["愤怒", "adj", 1, 1, "NA", 7, 2, None, None, None],
    ["快乐　", "adj", 1, 1, "PA ", 5, 1, "PE", 3, 1],
    ["旧词", "noun", None, None, "PH", 1, 7, "已经不被使用", None, None],
]


@pytest.fixture
def wordnet(tmp_path):
    def write(terms=TERMS, tree=TREE):
        (tmp_path / "t.tsv").write_text(terms)
        (tmp_path / "h.xml").write_text(tree)
        return tmp_path / "t.tsv", tmp_path / "h.xml"

    return write


def test_terms_find_their_place_in_the_hierarchy(wordnet):
    frame = lexicons.read_wordnet_affect(*wordnet()).set_index("word")
    assert frame["path"].to_dict() == {
        "jollity": "root/emotion/joy",
        "hate": "root/emotion/general-dislike",
        "dread": "root/emotion/negative-fear",
        "proud": "root/emotion/self-pride",
    }
    assert frame.loc["hate", ["pos", "category", "valence_class"]].tolist() == ["verb", "dislike", "negative"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"terms": TERMS.replace("Joy", "Glee")}, "line 2: category 'glee' .positive. is not in h.xml"),
        ({"terms": TERMS.replace("Negative", "Bad", 1)}, "line 3: emotion is 'Bad'; expected one of Ambiguous"),
        ({"tree": TREE.replace('isa="root"', 'isa="joy"')}, "category '.*' is its own ancestor"),
        ({"tree": TREE[:-5]}, "expected XML"),
        ({"tree": "<a/>"}, "0 categories"),
    ],
)
def test_bad_wordnet_affect_is_named(wordnet, files, message):
    with pytest.raises(ValueError, match=message):
        lexicons.read_wordnet_affect(*wordnet(**files))


def dutir(path, rows):
    book = openpyxl.Workbook()
    for r in rows:
        book.active.append(r)
    book.save(path)
    return path


def test_dutir_codes_like_NA_are_codes(tmp_path):
    frame = lexicons.read_dutir(dutir(tmp_path / "d.xlsx", DUTIR))
    assert (
        frame["category"].tolist() == ["anger", "joy", "praise"]
        and frame["word"].tolist() == ["愤怒", "快乐", "旧词"]
        and frame["polarity"].tolist() == ["negative", "positive", ""]
    )
    assert (
        frame["second_code"].tolist() == ["", "PE", ""]
        and frame["intensity"].tolist() == [7, 5, 1]
        and frame["sense"].isna().tolist() == [False, False, True]
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["愤怒", "adj", 1, 1, "XX", 7, 2], "line 5: 情感分类 is 'XX'; expected one of NA"),
        (["愤怒", "adj", 1, 1, "NA", 12, 2], "line 5: 强度 of '愤怒' is '12'; expected a whole number from 0 to 9"),
        (["愤怒", "adj", 1, 1, "NA", 7, 9], "line 5: 极性 is '9'"),
        ([None, "adj", 1, 1, "NA", 7, 2], "row 5: 词语 is empty"),
    ],
)
def test_bad_dutir_is_named(tmp_path, row, message):
    with pytest.raises(ValueError, match=message):
        lexicons.read_dutir(dutir(tmp_path / "d.xlsx", [*DUTIR, row]))


def test_real_wordnet_affect(published_files):
    frame = lexicons.read_wordnet_affect(
        published_files("WordNet-Affect", "wnaffect.tsv"), published_files("WordNet-Affect", "a-hierarchy.xml")
    )
    assert len(frame) == 1641 and frame["category"].nunique() == 28
    assert set(frame.loc[frame["category"] == "dislike", "path"]) == {
        "root/mental-state/affective-state/emotion/negative-emotion/general-dislike"
    }
    tree = lexicons.read_hierarchy(published_files("WordNet-Affect", "a-hierarchy.xml"))
    assert tree["category"].nunique() == 306 and {"anger", "hate"} <= set(
        tree["category"][tree["parent"] == "general-dislike"]
    )


def test_real_dutir(published_files):
    frame = lexicons.read_dutir(published_files("DUTIR", "情感词汇本体.xlsx"))
    counts = frame["code"].value_counts()
    assert (
        len(frame) == 27466
        and counts["NA"] == 388
        and counts["PH"] == 8592
        and set(counts.index) == set(lexicons.DUTIR_CATEGORIES)
    )
    # two misprints in the column beside it: 3,924 cells are filled, 3,922 of them with a category
    assert (frame["second_code"] != "").sum() == 3922


def test_cedict(tmp_path):
    path = tmp_path / "cedict_ts.u8"
    path.write_text(
        "# CC-CEDICT\n快樂 快乐 [kuai4 le4] /happy/joyful/\n害怕 害怕 [hai4 pa4] /to fear/\n茶杯 茶杯 [cha2 bei1]"
        " /teacup/tea-cup/\nT恤 T恤 [T xu4] /T-shirt/\n愛 爱 [ai4] /to love (sb)/\n生氣 生气 [sheng1 qi4] /to get"
        " angry/to take offense/\n",
        encoding="utf-8",
    )
    frame = lexicons.read_cedict(path)
    assert (
        frame[["word", "translation_en"]].values.tolist()
        == [["快乐", "happy"], ["害怕", "fear"], ["茶杯", "teacup"], ["爱", "love"]]
        and frame["traditional"][0] == "快樂"
    )
    for text, says in (
        ("快乐\thappy\n", "line 1: '快乐.*expected: traditional simplified"),
        ("生氣 生气 [q] /to get angry/\n", "no entry has one English word"),
        ("<html></html>", "HTML|html"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=says):
            lexicons.read_cedict(path)
