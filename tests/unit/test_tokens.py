"""One tokenisation, one rule for the first token, one set of end tokens: for every stage."""

import json
import sys

import numpy as np
import pytest
from conftest import make_model, make_sae
from tokenizers_made import END, TEXTS, byte_level, gpt2_type, model_for, qwen_type, save

from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.running_text import batches
from shared_affect.models.interventions import Intervention
from shared_affect.models.load import Numerics, load_model
from shared_affect.models.model_folder import ModelRow
from shared_affect.models.pieces import spelt_shares
from shared_affect.models.sae_training import SaeSettings, SaeSpec, record_tokens, train_sae
from shared_affect.models.sampling import Sampling, Start, sample_texts
from shared_affect.models.spans import locate
from shared_affect.models.texts import pack, sample_documents
from shared_affect.models.token_checks import (
    check_declared,
    check_length,
    check_reading,
    check_round_trip,
    check_spelling,
    look,
)
from shared_affect.models.tokens import load_ids, load_tokenizer, text_ids
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.plan import NO_EMOTION, Chunk, Prompt
from shared_affect.study.config import ConfigError

WORDS = ["joy", "fear", "stone", "calm", "table", "sadness"]
TEMPLATES = {"bare": "{word}.", "word-is": "the word is {word}."}


def plain(tokenizer, texts):
    return [c.ids for c in tokenizer.encode_batch(texts, add_special_tokens=False)]


# the rule for the first token ---------------------------------------------------------------------------------


def test_a_tokenizer_with_a_bos_is_read_as_it_stands(model_folder):
    from transformers import AutoTokenizer

    ids, theirs = load_ids(model_folder), AutoTokenizer.from_pretrained(model_folder)
    texts = ["joy.", "the word is sadness.", "这个词是快乐。", "γ"]
    assert (
        ids.ids(texts)
        == theirs(texts)["input_ids"]
        == text_ids(theirs).ids(texts)
        == text_ids(load_tokenizer(model_folder)).ids(texts)
    )
    assert (ids.rule, ids.first, ids.ends, ids.special, ids.key(), ids.end_key()) == (
        "own",
        (1,),
        (2,),
        {0, 1, 2},
        {},
        {},
    )
    assert [ids.decode(x) for x in ids.ids(texts)] == theirs.batch_decode(
        theirs(texts)["input_ids"], skip_special_tokens=True
    )
    # saying what the tokenizer does anyway changes no key
    assert load_ids(model_folder, "<bos>").key() == {} and load_ids(model_folder, "<bos>").ids(texts) == ids.ids(texts)


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (gpt2_type, END),
        (lambda f: qwen_type(f), END),
        (
            lambda f: save(
                byte_level(),
                f,
                {"bos_token_id": 0, "eos_token_id": 0},
                tokenizer_class="GPTNeoXTokenizer",
                bos_token=END,
                eos_token=END,
            ),
            END,
        ),
        (lambda f: save(byte_level(specials=("<s>", "</s>")), f, bos_token="<s>", eos_token="</s>"), "<s>"),
        (
            lambda f: save(byte_level(specials=("<a>", "</s>")), f, eos_token={"content": "</s>", "special": True}),
            "</s>",
        ),
        (lambda f: save(byte_level(), f), END),
    ],
)
def test_a_stand_in_is_put_first_where_there_is_no_bos(tmp_path, made, first):
    folder = made(tmp_path / "m")
    ids, raw = load_ids(folder), load_tokenizer(folder)
    assert (
        ids.rule == "stand-in"
        and ids.first == (raw.token_to_id(first),)
        and ids.ids(TEXTS) == [[*ids.first, *x] for x in plain(raw, TEXTS)]
    )
    assert ids.key() == {"first": list(ids.first)}  # records of code that put nothing stand under other keys
    for template in TEMPLATES.values():
        for s in locate(ids, template, WORDS):
            assert (
                s.ids[0] == ids.first[0]
                and 0 < s.first <= s.last < s.after
                and raw.decode(list(s.ids[s.first : s.last + 1])).strip() == s.word
            )
    assert [c.counts[0] for c in ids.encode_batch(TEXTS)] == [False] * len(TEXTS) and all(
        all(c.counts[1:]) for c in ids.encode_batch(TEXTS)
    )


def test_ends_are_all_that_the_folder_names(tmp_path):
    folder = qwen_type(tmp_path / "m")
    turn, end = (load_tokenizer(folder).token_to_id(t) for t in ("<|im_end|>", END))
    assert load_ids(folder).ends == (turn,) and load_ids(folder).end_key() == {}
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [turn, end]}))
    ids = load_ids(folder)
    assert ids.ends == (turn, end) and ids.end_key() == {"ends": sorted([turn, end])}
    # an id that nobody has set stands for a letter: it ends nothing
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": load_tokenizer(folder).token_to_id("a")})
    )
    assert load_ids(folder).ends == (turn,)


def test_a_row_may_name_the_first_token_or_none(tmp_path):
    folder = qwen_type(tmp_path / "m")
    raw = load_tokenizer(folder)
    named = load_ids(folder, "<|im_start|>")
    assert named.first == (raw.token_to_id("<|im_start|>"),) and named.rule == "declared"
    nothing = load_ids(folder, "none")
    assert nothing.first == () and nothing.ids(TEXTS) == plain(raw, TEXTS) and nothing.key() == {"first": []}
    assert not any(c.counts[0] for c in nothing.encode_batch(TEXTS)) and all(
        all(c.counts[1:]) for c in nothing.encode_batch(TEXTS)
    )
    assert locate(nothing, TEMPLATES["word-is"], WORDS)
    with pytest.raises(
        ValueError,
        match=(
            r"'the' in 'the\.' would be read at the text's first position.*config/models.tsv, column bos.*key templates"
        ),
    ):
        locate(nothing, "{word}.", ["the"])
    with pytest.raises(
        ValueError,
        match=(
            r"bos is '<bos>', which tokenizer.json does not know; allowed: none, empty, or a token such as"
            r" '<\|endoftext\|>'.*column bos"
        ),
    ):
        load_ids(folder, "<bos>")


def test_none_takes_off_the_bos_that_a_tokenizer_puts(model_folder):
    assert load_ids(model_folder, "none").ids(["joy."]) == [load_ids(model_folder).ids(["joy."])[0][1:]]
    assert load_ids(model_folder, "none").key() == {"first": []}


@pytest.mark.parametrize(("template", "declared"), [(None, True), (f"{END} $A", False)])
def test_template_and_declaration_that_contradict_each_other_are_refused(tmp_path, template, declared):
    folder = save(byte_level(template=template), tmp_path / "m", bos_token=END, eos_token=END, add_bos_token=declared)
    with pytest.raises(
        ValueError,
        match=(
            rf"says add_bos_token {str(declared).lower()}, the template of tokenizer.json puts .*config/models.tsv,"
            r" column bos"
        ),
    ):
        load_ids(folder)
    assert load_ids(folder, END).first and not load_ids(folder, "none").first
    agreed = save(byte_level(template=f"{END} $A"), tmp_path / "n", bos_token=END, eos_token=END, add_bos_token=True)
    assert load_ids(agreed).rule == "own"


def test_named_tokens_that_the_file_does_not_know_and_files_that_cannot_be_read_are_refused(tmp_path):
    folder = save(byte_level(), tmp_path / "m", eos_token="<|eot_id|>")
    with pytest.raises(ValueError, match=r"m: eos_token is '<\|eot_id\|>', which tokenizer.json does not know"):
        load_ids(folder)
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer_config.json is no JSON"):
        load_ids(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.json cannot be read .*config/models.tsv, column path"):
        load_ids(folder)


# end tokens that a template appends ---------------------------------------------------------------------------


@pytest.mark.parametrize("template", ["<s> $A </s>", "$A </s>"])
def test_an_end_that_the_template_appends_is_left_out_in_every_stage(tmp_path, template, monkeypatch):
    folder = save(
        byte_level(specials=("<s>", "</s>", END), template=template), tmp_path / "m", bos_token="<s>", eos_token="</s>"
    )
    model_for(folder)
    ids, raw = load_ids(folder), load_tokenizer(folder)
    start, end = raw.token_to_id("<s>"), raw.token_to_id("</s>")
    assert ids.ids(TEXTS) == [[start, *x] for x in plain(raw, TEXTS)] and ids.key() == {"first": [start]}
    assert all(end not in s.ids for s in locate(ids, TEMPLATES["bare"], WORDS))
    # documents are closed once, not twice
    row = pack(ids, TEXTS, sum(len(x) + 1 for x in ids.ids(TEXTS)))[0].tolist()
    assert row.count(end) == len(TEXTS) and row[0] == start
    ex = Extractor(folder, {"s": SaeSource(str(make_sae(tmp_path / "sae")), 0)}, "en", Numerics(), tmp_path / "j")
    read = list(batches(ex.tokenizer, TEXTS, "cpu", 8))
    assert not any((i == end).any() for i, _ in read) and int(sum(m.sum() for _, m in read)) == sum(
        map(len, plain(raw, TEXTS))
    )
    prompts = prompt_ids(folder, make_sae(tmp_path / "sae"), tmp_path / "g", monkeypatch)
    assert prompts == [[start, *x] for x in plain(raw, ["Anna", "小明"])]


def prompt_ids(folder, sae, journal, monkeypatch, bos=None):
    """Ids that steering gives to the model."""
    seen = []

    def sampled(model, starts, *args, **kwargs):
        seen.extend([list(s.ids) for s in starts])
        return [[5] for _ in starts]

    monkeypatch.setattr("shared_affect.steering.generate.sample_texts", sampled)
    prompts = (Prompt("a", "score", "Anna"), Prompt("b", "choose", "小明"))
    Generator(
        Place(folder, sae, 0, 1.0, bos=bos),
        "en",
        Sampling(max_new_tokens=2),
        numerics=Numerics(),
        journal_folder=journal,
        root_seed=0,
    ).run([Chunk(NO_EMOTION, "none", Intervention(), prompts)], "p")
    return seen


def test_steering_puts_the_same_first_token(tmp_path, monkeypatch):
    folder = model_for(gpt2_type(tmp_path / "m"))
    sae, raw = make_sae(tmp_path / "sae"), load_tokenizer(folder)
    for bos, lead in ((None, [raw.token_to_id(END)]), ("none", [])):
        assert prompt_ids(folder, sae, tmp_path / "g", monkeypatch, bos) == [
            [*lead, *x] for x in plain(raw, ["Anna", "小明"])
        ]


def test_a_text_ends_at_any_end_token(model_folder):
    model, sampling = load_model(model_folder), Sampling(max_new_tokens=12)
    starts = [Start([1, 5], np.random.SeedSequence(k)) for k in range(4)]
    free = sample_texts(model, starts, None, sampling, None)
    two = (free[0][2], free[1][4])
    ended = sample_texts(model, starts, None, sampling, two)
    assert [t[-1] in two or len(t) == 12 for t in ended] == [True] * 4 and all(
        not set(t[:-1]) & set(two) for t in ended
    )
    assert ended[0] == free[0][: next(i for i, x in enumerate(free[0]) if x in two) + 1]


# the class that a folder declares -----------------------------------------------------------------------------


def test_a_class_that_splits_otherwise_is_refused_with_both_lists(tmp_path):
    folder = save(
        byte_level(split=True),
        tmp_path / "m",
        {"model_type": "gpt2"},
        tokenizer_class="GPT2Tokenizer",
        bos_token=END,
        eos_token=END,
        unk_token=END,
    )
    ids = load_ids(folder)
    text = "小明去了公园，因为今天很高兴。"
    with pytest.raises(ConfigError) as error:
        check_declared(folder, ids, ["the stone", text])
    said = str(error.value)
    assert (
        str(folder) in said
        and repr(text) in said
        and str(ids.ids([text])[0][1:]) in said
        and "GPT2Tokenizer" in said
        and "tokenizer_class 'PreTrainedTokenizerFast'" in said
    )
    # the remedy works
    check_declared(save(byte_level(split=True), folder, bos_token=END, eos_token=END), ids, [text])


@pytest.mark.parametrize(
    "made",
    [
        gpt2_type,
        lambda f: gpt2_type(f, clean_up_tokenization_spaces=True),
        lambda f: qwen_type(f, tokenizer_class="TokenizersBackend"),
        lambda f: save(byte_level(), f, tokenizer_class="GPTNeoXTokenizer", bos_token=END, eos_token=END),
    ],
)
def test_classes_that_agree_pass_and_give_our_ids(tmp_path, made):
    from transformers import AutoTokenizer

    folder = made(tmp_path / "m")
    ids, theirs = load_ids(folder), AutoTokenizer.from_pretrained(folder)
    check_declared(folder, ids, TEXTS)
    assert [x[1:] for x in ids.ids(TEXTS)] == theirs(TEXTS, add_special_tokens=False)["input_ids"]
    check_round_trip(folder, ids, TEXTS)


@pytest.mark.parametrize(
    "name",
    ["GPT2Tokenizer", "Qwen2Tokenizer", "GPTNeoXTokenizer", "LlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"],
)
def test_folders_that_the_classes_themselves_write_pass(tmp_path, name):
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = byte_level()
    if name in ("LlamaTokenizer", "GemmaTokenizer"):  # as sentencepiece does it
        made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        specials = ["<unk>", "<s>", "</s>", "<pad>", "<bos>", "<eos>", "<mask>", *(f"<0x{i:02X}>" for i in range(256))]
        made.train_from_iterator(
            TEXTS * 20, trainers.BpeTrainer(vocab_size=500, special_tokens=specials, show_progress=False)
        )
    model = json.loads(made.to_str())["model"]
    getattr(transformers, name)(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]]).save_pretrained(
        tmp_path
    )
    (tmp_path / "config.json").write_text("{}")
    ids = load_ids(tmp_path)
    check_reading(tmp_path, ids, {}, TEMPLATES, TEXTS, model="m", language="en")
    assert ids.rule == "stand-in" and ids.ends


def test_a_class_that_puts_another_bos_is_refused_unless_the_row_says_which(tmp_path, monkeypatch):
    from transformers import PreTrainedTokenizerFast

    made = byte_level(template=f"{END} $A")
    folder = save(made, tmp_path / "m", bos_token=END, eos_token=END)
    made.post_processor = None
    theirs = PreTrainedTokenizerFast(tokenizer_object=made)
    monkeypatch.setattr("shared_affect.models.token_checks._declared_class", lambda folder: theirs)
    with pytest.raises(
        ConfigError,
        match=(
            r"that the folder declares puts ids \[\] before a text, the template of tokenizer.json \[0\]; say"
            r" which.*config/models.tsv, column bos"
        ),
    ):
        check_declared(folder, load_ids(folder), ["joy"])
    check_declared(folder, load_ids(folder, "none"), ["joy"])


def test_a_prefix_space_that_only_the_configuration_knows_is_refused(tmp_path):
    folder = gpt2_type(tmp_path / "m", add_prefix_space=True)
    with pytest.raises(
        ConfigError, match=r"split 'joy' differently: ids \[.*\] \('joy'\) and \[.*\] \(' joy'\).*add_prefix_space"
    ):
        check_declared(folder, load_ids(folder), ["joy"])


def test_a_class_that_does_not_exist_is_refused(tmp_path):
    folder = save(
        byte_level(),
        tmp_path / "m",
        tokenizer_class="ATokenizerOfMyOwn",
        auto_map={"AutoTokenizer": ["own.ATokenizer", None]},
    )
    with pytest.raises(ConfigError, match=r"'ATokenizerOfMyOwn' cannot be made of its files.*PreTrainedTokenizerFast"):
        check_declared(folder, load_ids(folder), ["joy"])
    # a folder without any declaration contradicts nothing
    (folder / "tokenizer_config.json").unlink()
    (folder / "config.json").write_text("{}")
    check_declared(folder, load_ids(folder), ["joy"])


def test_folders_that_declare_nothing_of_their_own_need_no_second_library(tmp_path, monkeypatch):
    folder = save(byte_level(), tmp_path / "m", eos_token=END)
    monkeypatch.setitem(sys.modules, "transformers", None)
    check_reading(folder, load_ids(folder), {"table": {"joy": ["joy"]}}, TEMPLATES, TEXTS, model="m", language="en")
    with pytest.raises(ImportError):
        check_declared(gpt2_type(tmp_path / "n"), load_ids(tmp_path / "n"), ["joy"])


def test_texts_must_come_back_from_their_tokens(tmp_path):
    from tokenizers import decoders, normalizers

    broken = byte_level()
    broken.decoder = decoders.Fuse()
    folder = save(broken, tmp_path / "m", eos_token=END)
    with pytest.raises(ConfigError, match=r"'the stone' comes back from its ids .* as 'theĠstone'"):
        check_round_trip(folder, load_ids(folder), ["the stone"])
    # what judges do not see may change
    lower = byte_level()
    lower.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    folder = save(lower, tmp_path / "n", eos_token=END)
    check_round_trip(folder, load_ids(folder), ["The  STONE ﬁts."])


def test_texts_longer_than_the_context_are_refused(tmp_path):
    folder = save(byte_level(), tmp_path / "m", {"n_positions": 40}, eos_token=END)
    check_length(folder, load_ids(folder), TEXTS)
    with pytest.raises(
        ConfigError, match=r"m: a text has \d+ tokens, the model's context 40 \(config.json\): 'the word is joy"
    ):
        check_length(folder, load_ids(folder), ["short", TEXTS[0] * 9])


def test_clean_up_is_done_as_the_library_does_it(tmp_path, model_folder):
    from transformers import AutoTokenizer

    folder = tmp_path / "unigram"
    folder.mkdir()
    for name in ("tokenizer.json", "config.json"):
        (folder / name).write_bytes((model_folder / name).read_bytes())
    facts = json.loads((model_folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(facts | {"clean_up_tokenization_spaces": True}))
    ids, theirs = load_ids(folder), AutoTokenizer.from_pretrained(folder)
    code = ids.ids(["joy . now", "joy."])
    assert ids.cleans_up and [ids.decode(x) for x in code] == [theirs.decode(x, skip_special_tokens=True) for x in code]
    assert ids.decode(code[0]) == "joy. now" and load_ids(model_folder).decode(code[0]) == "joy . now"
    assert not load_ids(gpt2_type(tmp_path / "bpe", clean_up_tokenization_spaces=True)).cleans_up


# words in letters ---------------------------------------------------------------------------------------------


def test_an_emotion_in_letters_is_refused_and_others_are_not(model_folder, caplog):
    ids = load_ids(model_folder)
    assert spelt_shares(ids, ["joy", "sadness", "快乐", "石", "a", "hat"]) == {
        "joy": 0,
        "sadness": 0,
        "快乐": 0,
        "石": 0,
        "a": 0,
        "hat": 1,
    }
    known = {"joy": ["joy", "calm"], "fear": ["fear", "sadness"], "calm": ["stone", "table"]}
    check_spelling(ids, known, "m", "en")
    with pytest.raises(
        ConfigError,
        match=(
            r"model m, language en: 100% of the characters in the words of 'odd' stand alone.*\(hat, .*\); in the other"
            r" emotions 0%.*allowed: below 50%.*"
            r"resources/concepts/en.tsv"
        ),
    ):
        check_spelling(ids, known | {"odd": ["hat", "shore", "tide"]}, "m", "en")
    with caplog.at_level("WARNING", logger="shared_affect"):
        check_spelling(ids, known | {"odd": ["hat", "joy", "fear"]}, "m", "en")
    assert "33% of the characters in the words of 'odd'" in caplog.text
    # a tokenizer that spells everything puts no emotion apart
    check_spelling(ids, {"a": ["hat", "tide"], "b": ["shore"], "c": ["ebb", "rain"]}, "m", "en")


def test_parts_of_characters_are_broken_and_single_characters_are_not(tmp_path):
    ids = load_ids(save(byte_level(size=257), tmp_path / "bytes", eos_token=END))
    assert spelt_shares(ids, ["快乐", "joy"]) == {"快乐": 1, "joy": 1}
    with pytest.raises(ConfigError, match="words of 'odd' stand alone"):
        check_spelling(
            load_ids(save(byte_level(size=520), tmp_path / "m", eos_token=END)),
            {"a": ["高兴"], "b": ["joy"], "c": ["stone"], "odd": ["懊恼", "愤懑"]},
            "m",
            "zh",
        )


def test_real_tokenizers_and_the_committed_words_pass(root):
    import os
    from pathlib import Path

    from shared_affect.study.inputs import read_concepts

    folder = Path(os.environ.get("SHARED_AFFECT_MODELS", "no folder named"))
    found = [f for f in ("bilingual-qwen3", "stories260K") if (folder / f / "tokenizer.json").exists()]
    if not found:
        pytest.skip("needs the variable SHARED_AFFECT_MODELS (CONTRIBUTING.md)")
    emotions = [
        line.split("\t")[0] for line in (root / "resources/emotions.tsv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    for name, language in ((f, k) for f in found for k in ("en", "zh") if f != "stories260K" or k == "en"):
        sets = read_concepts(root / f"resources/concepts/{language}.tsv", emotions)
        texts = (root / f"resources/texts/fidelity_{language}.txt").read_text(encoding="utf-8").split("\n")[:20]
        ids = load_ids(folder / name)
        assert ids.rule == "own" and ids.key() == {}
        check_reading(
            folder / name,
            ids,
            {"table": sets},
            TEMPLATES if language == "en" else {"bare": "{word}。"},
            texts,
            model=name,
            language=language,
        )


# the first position ------------------------------------------------------------------------------------------


@pytest.fixture
def sinking(tmp_path):
    """A Qwen type whose first position has twenty times the others' norm, whatever token stands there."""
    import torch

    folder = model_for(qwen_type(tmp_path / "m"), family="qwen3")
    model = load_model(folder)
    far = 20 * torch.randn(32, generator=torch.Generator().manual_seed(1))
    begins = []

    def entered(module, args, kwargs):
        past = kwargs.get("past_key_values")
        begins[:] = [past is None or past.get_seq_length() == 0]

    def leaving(module, args, output):
        h = output[0] if isinstance(output, tuple) else output
        if begins[0]:
            h = torch.cat([h[:, :1] + far, h[:, 1:]], 1)
        return (h, *output[1:]) if isinstance(output, tuple) else h

    model.base_model.register_forward_pre_hook(entered, with_kwargs=True)
    model.base_model.layers[0].register_forward_hook(leaving)
    return folder, model


def hold(folder, model, sae, journal, bos=None):
    from shared_affect.models.saes import DiskSAE

    ex = Extractor(folder, {"s": SaeSource(str(sae), 0)}, "en", Numerics(), journal, row=ModelRow(bos=bos))
    ex.held.put(model, {"s": DiskSAE(sae)})
    return ex


@pytest.mark.parametrize("bos", [None, "none", "<|im_start|>"])
def test_a_sink_at_the_first_position_is_measured_nowhere(sinking, tmp_path, bos):
    import torch

    from shared_affect.models.residual import block_outputs

    folder, model = sinking
    ids = load_ids(folder, bos)
    facts = hold(folder, model, make_sae(tmp_path / "sae"), tmp_path / "j", bos).running_text(TEXTS, TEXTS)["s"]
    with torch.inference_mode():
        rows = [block_outputs(model, [0], input_ids=torch.tensor([x]))[0][0].norm(dim=1) for x in ids.ids(TEXTS)]
    others = torch.cat([r[1:] for r in rows])
    assert min(float(r[0]) for r in rows) > 10 * float(others.max())  # the sink is there
    assert facts["mean_residual_norm"][0] == pytest.approx(float(others.mean()), rel=1e-4) and facts["n_tokens"][
        0
    ] == len(others)
    words = hold(folder, model, make_sae(tmp_path / "sae"), tmp_path / "j", bos)
    templates = TEMPLATES if bos != "none" else {"word-is": TEMPLATES["word-is"]}
    dense = words.words({"x": WORDS}, templates)["s"]["x"]["dense"]
    assert float(np.linalg.norm(dense, axis=-1).max()) < 5 * float(others.max())
    a = dense[0, 0] / np.linalg.norm(dense[0, 0], axis=-1, keepdims=True)
    assert (a @ a.T)[~np.eye(len(WORDS), dtype=bool)].max() < 0.99  # different words differ
    for begin in (True, False):
        rows = pack(ids, TEXTS, 16, begin=begin)
        kept = record_tokens(model, ids, rows, 0, rows_begin=begin)
        assert begin is (float(kept.norm(dim=1).max()) < 5 * float(others.max()))


@pytest.mark.parametrize("architecture", ["batchtopk", "topk"])
def test_a_model_without_bos_writes_texts_and_its_sae_is_accepted(tmp_path, architecture):
    folder = model_for(gpt2_type(tmp_path / "m"), context=128)
    ids, model = load_ids(folder), load_model(folder)
    # its context is shorter than the longest text asked for
    documents = list(sample_documents(model, ids, 2500, seed=1, max_new_tokens=200, rows=16, show_progress=False))
    train_sae(
        model,
        ids,
        documents,
        SaeSpec(layer=1, architecture=architecture, k=4, d_sae=64, n_tokens=4000),
        out_dir=tmp_path / "sae",
        seed=0,
        settings=SaeSettings(batch=256, sequence=32),
    )
    assert json.loads((tmp_path / "sae/cfg.json").read_text())["metadata"]["prepend_bos"] is True
    found = Extractor(
        folder, {"s": SaeSource(str(tmp_path / "sae"), 1)}, "en", Numerics(), tmp_path / "j"
    ).running_text(TEXTS, TEXTS)["s"]
    assert np.isfinite(found["explained_variance"][0])
    with pytest.raises(ValueError, match="prepend_bos is True, but the model's tokenizer puts no BOS"):
        Extractor(
            folder,
            {"s": SaeSource(str(tmp_path / "sae"), 1)},
            "en",
            Numerics(),
            tmp_path / "j",
            row=ModelRow(bos="none"),
        )


def test_sampled_texts_do_not_depend_on_how_many_are_written_at_once(model_folder):
    model, ids = load_model(model_folder), load_ids(model_folder)
    one, other = (
        list(sample_documents(model, ids, 600, seed=1, max_new_tokens=40, rows=n, show_progress=False)) for n in (5, 64)
    )
    assert one == other and len(set(one)) > 10
    assert one != list(sample_documents(model, ids, 600, seed=2, max_new_tokens=40, show_progress=False))


def test_without_a_first_token_texts_come_from_a_file(tmp_path):
    folder = model_for(gpt2_type(tmp_path / "m"))
    ids, model = load_ids(folder, "none"), load_model(folder)
    with pytest.raises(
        ValueError,
        match=r"no token to start a text from; give texts in a file instead \(config/saes.tsv, column texts\)",
    ):
        next(sample_documents(model, ids, 100, seed=1))
    train_sae(
        model,
        ids,
        TEXTS * 40,
        SaeSpec(layer=1, k=4, d_sae=64, n_tokens=4000),
        out_dir=tmp_path / "sae",
        seed=0,
        settings=SaeSettings(batch=256, sequence=32),
    )
    assert json.loads((tmp_path / "sae/cfg.json").read_text())["metadata"]["prepend_bos"] is False
    Extractor(
        folder, {"s": SaeSource(str(tmp_path / "sae"), 1)}, "en", Numerics(), tmp_path / "j", row=ModelRow(bos="none")
    )


def test_one_key_for_one_tokenisation(model_folder, sae_folder, tmp_path):
    def keys(folder, **bos):
        ex = Extractor(
            folder, {"s": SaeSource(str(sae_folder), 0)}, "en", Numerics(), tmp_path / "j", row=ModelRow(**bos)
        )
        return ex.records.identity

    # as before this rule was there: planted models find their journals
    assert "first" not in keys(model_folder) and keys(model_folder) == keys(model_folder, bos="<bos>")
    assert keys(model_folder, bos="none") == keys(model_folder) | {"first": []}


# the look before any job --------------------------------------------------------------------------------------


def own(tmp_path):
    (tmp_path / "t.tsv").write_text("template\ttext\theld_out\nbare\t{word}.\tfalse\n", encoding="utf-8")
    (tmp_path / "p.tsv").write_text("prompt\tsplit\ttext\np01\tchoose\tthe stone，因为\n", encoding="utf-8")
    return {"en": ({"table": {"a": ["joy"], "b": ["stone"]}}, tmp_path / "t.tsv", [tmp_path / "p.tsv"], [])}


def test_the_look_names_the_row(tmp_path):
    texts = own(tmp_path)
    look(tmp_path / "nowhere", None, texts, "m")
    look(gpt2_type(tmp_path / "fine"), None, texts, "m", sampled=True)
    other = save(
        byte_level(split=True),
        tmp_path / "m",
        {"model_type": "gpt2"},
        tokenizer_class="GPT2Tokenizer",
        bos_token=END,
        eos_token=END,
        unk_token=END,
    )
    with pytest.raises(
        ConfigError,
        match=(
            r"config/models.tsv, model odd: .*m: tokenizer.json and the class GPT2Tokenizer .*'the stone，因为'"
            r" differently"
        ),
    ):
        look(other, None, texts, "odd")
    for folder, bos in (
        (tmp_path / "nowhere", "none"),
        (tmp_path / "fine", "none"),
        (save(byte_level(specials=("<x>",)), tmp_path / "bare"), None),
    ):
        with pytest.raises(
            ConfigError, match=r"model m has no token to start a text from.*config/saes.tsv, column texts"
        ):
            look(folder, bos, texts, "m", sampled=True)
    with pytest.raises(
        ConfigError, match=r"config/models.tsv, model m: .*bos is '<bos>', which tokenizer.json does not know"
    ):
        look(tmp_path / "fine", "<bos>", texts, "m")


def test_planted_models_read_their_words_whole(tmp_path):
    folder = make_model("llama", tmp_path / "m")
    ids = load_ids(folder)
    assert max(spelt_shares(ids, ["joy", "fear", "calm", "sadness", "快乐"]).values()) == 0
