"""Requests in chat templates: one first token, positions of the request known, refusals that name row and column."""

import importlib.util
import json

import numpy as np
import pytest
from tokenizers_made import (
    CHATML,
    GEMMA_CHAT,
    LLAMA3_CHAT,
    byte_level,
    gemma_chat,
    gpt2_type,
    llama3_chat,
    model_for,
    qwen_chat,
    save,
)

from shared_affect.models import chat as chats
from shared_affect.models.chat import own_span, read_chat
from shared_affect.models.interventions import POLICIES, Edits, Intervention
from shared_affect.models.load import Numerics, load_model
from shared_affect.models.sampling import Sampling, Start, sample_texts
from shared_affect.models.tokens import load_ids
from shared_affect.planning.prompts import check_kind, look_at_chat
from shared_affect.steering.files import REQUESTS as READ
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.plan import Chunk, Prompt
from shared_affect.steering.prompts import read_prepared
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import read_prompts

WHERE = "config/models.tsv, row one"
REQUESTS = ["the table stands next to the window", "小明去了公园。", "Anna"]
EN = {"language": "en", "script": "latin", "splitter": "letters"}
KINDS = {"gemma": gemma_chat, "llama3": llama3_chat, "qwen": qwen_chat}


def read(folder, bos=None, system=None, requests=REQUESTS):
    ids = load_ids(folder, bos)
    return ids, read_chat(folder, ids, system, WHERE, requests)


def plain(ids, code):
    return ids.tokenizer.decode(code.ids, skip_special_tokens=False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_stands_in_the_template_with_one_first_token(kind, tmp_path):
    ids, chat = read(KINDS[kind](tmp_path))
    whole = {
        "gemma": "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n",
        "llama3": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "qwen": "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    }[kind]
    for request, code in zip(REQUESTS, chat.encode_batch(ids, REQUESTS), strict=True):
        assert plain(ids, code) == whole.format(request)
        # the tokens that count are the request's own and no other
        own = [i for i, counts in zip(code.ids, code.counts, strict=True) if counts]
        assert ids.tokenizer.decode(own) == request and not code.counts[0] and not code.counts[-1]
        if kind != "qwen":
            assert code.ids.count(ids.first[0]) == 1 and code.ids[0] == ids.first[0]
    closes = {"gemma": "<end_of_turn>", "llama3": "<|eot_id|>", "qwen": "<|im_end|>"}[kind]
    assert ids.tokenizer.token_to_id(closes) in chat.ends(ids)


def test_what_the_template_writes_is_what_transformers_makes_of_it(tmp_path):
    from transformers import AutoTokenizer

    for kind, make in KINDS.items():
        folder = make(tmp_path / kind)
        ids, chat = read(folder)
        theirs = AutoTokenizer.from_pretrained(folder)
        for request, code in zip(REQUESTS, chat.encode_batch(ids, REQUESTS), strict=True):
            told = [{"role": "user", "content": request}]
            wanted = theirs.apply_chat_template(
                told, add_generation_prompt=True, enable_thinking=False, return_dict=False
            )
            assert code.ids == wanted, kind


def test_a_model_without_bos_gets_what_its_row_names_and_nothing_else(tmp_path):
    folder = qwen_chat(tmp_path)
    for bos, first in ((None, "<|im_start|>"), ("none", "<|im_start|>"), ("<|endoftext|>", "<|endoftext|>")):
        ids, chat = read(folder, bos)
        (code,) = chat.encode_batch(ids, ["Anna"])
        assert ids.tokenizer.id_to_token(code.ids[0]) == first
        assert code.ids.count(ids.tokenizer.token_to_id("<|endoftext|>")) == (bos == "<|endoftext|>")
        assert code.counts.count(True) and not code.counts[0]


def test_a_system_prompt_is_written_where_the_template_takes_one(tmp_path):
    ids, chat = read(llama3_chat(tmp_path / "a"), system="Answer in one sentence.")
    (code,) = chat.encode_batch(ids, ["Anna"])
    assert "system<|end_header_id|>\n\nAnswer in one sentence.<|eot_id|>" in plain(ids, code)
    assert ids.tokenizer.decode([i for i, c in zip(code.ids, code.counts, strict=True) if c]) == "Anna"
    assert "system" not in read(llama3_chat(tmp_path / "a"))[1].before  # empty unless given
    gemma = gemma_chat(tmp_path / "b")
    read(gemma)  # a template that refuses the role is refused only where there is a system prompt
    with pytest.raises(ConfigError, match=r"row one, column system_prompt is 'Be brief.', which .*no system role here"):
        read(gemma, system="Be brief.")
    drops = CHATML.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}")
    with pytest.raises(ConfigError, match=r"column system_prompt is 'Be brief.', which .* leaves out; allowed: empty"):
        read(qwen_chat(tmp_path / "c", drops), system="Be brief.")


VICUNA = (
    "{{ bos_token }}{% for m in messages %}{{ m['role'] | upper }}: {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}{{ bos_token }}ASSISTANT:{% endif %}"
)

REFUSED = {
    "no template": (lambda f: gemma_chat(f, None), None, r"column chat is true, but .* no chat template .*key prompts"),
    "GPT-2": (gpt2_type, None, r"column chat is true, but .* no chat template"),
    "second BOS": (lambda f: gemma_chat(f, "{{ bos_token }}" + GEMMA_CHAT), None, r"column chat.* second first token"),
    "BOS of another name": (
        lambda f: llama3_chat(f),
        "<|end_of_text|>",
        r"second first token .it begins with '<.end_of_text.>' '<.begin_of_text.>'.*column bos",
    ),
    "BOS where the row says none": (gemma_chat, "none", r"begins with '<bos>', column bos is 'none'"),
    "BOS before each turn": (
        lambda f: llama3_chat(
            f,
            LLAMA3_CHAT.replace("{% if loop.first %}{{ bos_token }}{% endif %}", "").replace(
                "<|start_header_id|>{{ m", "{{ bos_token }}{{ bos_token }}{{ m"
            ),
        ),
        None,
        "second first token",
    ),
    "BOS before the answer": (
        lambda f: llama3_chat(f, LLAMA3_CHAT.replace("prompt %}", "prompt %}{{ bos_token }}")),
        None,
        r"second first token .'<.begin_of_text.>' again, behind the request.",
    ),
    "BOS at the beginning of the answer": (
        lambda f: gemma_chat(f, GEMMA_CHAT.replace("model\n{% endif", "model\n{{ bos_token }}{% endif")),
        None,
        "second first token .'<bos>' again, behind the request.",
    ),
    "BOS before the answer, roles in letters": (
        lambda f: gemma_chat(f, VICUNA),
        None,
        "second first token .'<bos>' again, behind the request.",
    ),
    "turn marker twice": (
        lambda f: qwen_chat(f, "<|im_start|>" + CHATML, bos_token="<|im_start|>"),
        None,
        r"second first token .it begins with '<.im_start.>' '<.im_start.>'",
    ),
    "turn marker twice, the row's rule": (
        lambda f: qwen_chat(f, "<|im_start|>\n" + CHATML),
        "<|im_start|>",
        r"second first token .it begins with '<.im_start.>' '<.im_start.>'",
    ),
    "turn marker that begins no turn": (
        lambda f: qwen_chat(f, CHATML + "<|im_start|>", bos_token="<|im_start|>"),
        None,
        r"second first token .'<.im_start.>' again, behind the request.",
    ),
    "another first token before a turn marker": (
        lambda f: qwen_chat(f, bos_token="<|im_start|>"),
        "<|endoftext|>",
        r"second first token .it begins with '<.endoftext.>' '<.im_start.>'.*column bos",
    ),
    "request left out": (lambda f: qwen_chat(f, "<|im_start|>user\n"), None, r"writes a request 0 times; needed: once"),
    "request twice": (
        lambda f: qwen_chat(f, "{{ messages[-1]['content'] }}{{ messages[-1]['content'] }}"),
        None,
        "writes a request 2 times",
    ),
    "request changed": (
        lambda f: qwen_chat(f, CHATML.replace("m['content']", "m['content'] | replace('stands', 'STANDS')")),
        None,
        "does not write the request .* as it stands",
    ),
    "broken": (lambda f: qwen_chat(f, "{% for m in %}"), None, r"column chat is true, but .* fails on a request"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_wrapped_is_refused_with_row_and_column(case, tmp_path):
    make, bos, words = REFUSED[case]
    with pytest.raises(ConfigError, match=rf"(?s){WHERE}.*{words}"):
        read(make(tmp_path), bos)


SMOL = CHATML.replace(
    "{% for m in messages %}",
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<|im_start|>system\n"
    "the table<|im_end|>\n{% endif %}",
)
"""Writes a system turn of its own where none is given, as SmolLM2's does."""


@pytest.mark.parametrize("bos", [None, "<|im_start|>"])
@pytest.mark.parametrize("system", [None, "Be brief."])
@pytest.mark.parametrize("template", [CHATML, SMOL])
def test_a_first_token_that_opens_every_turn_is_a_turn_marker(template, system, bos, tmp_path):
    ids, chat = read(qwen_chat(tmp_path, template, bos_token="<|im_start|>"), bos, system)
    told = system or ("the table" if template == SMOL else None)
    head = f"<|im_start|>system\n{told}<|im_end|>\n" if told else ""
    for request, code in zip(REQUESTS, chat.encode_batch(ids, REQUESTS), strict=True):
        assert plain(ids, code) == (
            f"{head}<|im_start|>user\n{request}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
        )


def test_a_row_may_name_the_turn_marker(tmp_path):
    chat = read(qwen_chat(tmp_path), "<|im_start|>", "Be brief.")[1]
    assert not chat.lead and chat.before == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"


def test_a_first_token_before_the_marker_of_each_turn_is_no_turn_marker(tmp_path):
    each = LLAMA3_CHAT.replace("{% if loop.first %}{{ bos_token }}{% endif %}", "{{ bos_token }}")
    read(llama3_chat(tmp_path, each))
    with pytest.raises(ConfigError, match=r"second first token .'<.begin_of_text.>' again, before the request."):
        read(llama3_chat(tmp_path, each), system="Be brief.")


@pytest.mark.parametrize("eos", ["<|endoftext|>", "<|im_end|>"])
def test_a_first_token_that_ends_each_turn_may_stand_again(eos, tmp_path):
    """Whether the folder names it as an end or its template alone says so."""
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}: {{ m['content'] }}<|endoftext|>\n{% endfor %}"
        "<|im_start|>assistant:"
    )
    folder = qwen_chat(tmp_path, template, bos_token="<|endoftext|>", eos_token=eos)
    ids, chat = read(folder, "<|endoftext|>", "Be brief.")
    (code,) = chat.encode_batch(ids, ["Anna"])
    assert plain(ids, code) == (
        "<|endoftext|><|im_start|>system: Be brief.<|endoftext|>\n<|im_start|>user: Anna<|endoftext|>\n"
        "<|im_start|>assistant:"
    )


@pytest.mark.parametrize("system", [None, "Be brief."])
def test_a_first_token_may_end_what_stands_next_to_it(system, tmp_path):
    """What a text without roles begins with is also the end of its turns."""
    template = "{% for m in messages %}{{ m['content'] }}<|endoftext|>{% endfor %}"
    ids, chat = read(gpt2_type(tmp_path, chat_template=template), "<|endoftext|>", system)
    (code,) = chat.encode_batch(ids, ["Anna"])
    head = f"{system}<|endoftext|>" if system else ""
    assert plain(ids, code) == f"<|endoftext|>{head}Anna<|endoftext|>"


def test_two_tokens_before_every_text_are_one_beginning(tmp_path):
    specials = ("[gMASK]", "<sop>", "<|user|>", "<|assistant|>")
    made = byte_level(template="[gMASK] <sop> $A", specials=specials)
    template = "{}<|user|>\n{{{{ messages[0]['content'] }}}}<|assistant|>"
    for head in ("[gMASK]<sop>", ""):
        ids, chat = read(save(made, tmp_path, chat_template=template.format(head)))
        (code,) = chat.encode_batch(ids, ["Anna"])
        assert plain(ids, code) == "[gMASK]<sop><|user|>\nAnna<|assistant|>"
    for head in ("<sop>", "[gMASK]<sop><sop>"):
        with pytest.raises(ConfigError, match=r"second first token .it begins with"):
            read(save(made, tmp_path, chat_template=template.format(head)))


def test_a_request_that_holds_a_special_token_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"request 'a <end_of_turn> b' holds the special token '<end_of_turn>'"):
        read(gemma_chat(tmp_path), requests=["a <end_of_turn> b"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("{{ strftime_now('%d %b %Y') }}, {{ strftime_now(\"%Y-%m-%d\") }}", "26 Jul 2024, 2024-07-26"),
        ("{% set f = '%A %-d %B' %}{{ strftime_now(f) }}", "Friday 26 July"),
        ("{{ strftime_now('%H' ~ ':%M') }}", "00:00"),
        ("{{ strftime_now(format='%Y年%m月%d日') }}", "2024年07月26日"),
        ("{% set now = strftime_now %}{{ now ('%F') }}", "2024-07-26"),
        ('{{ strftime_now("it\'s 100%% %j") }}', "it's 100% 208"),
        ("{% macro day() %}{{ strftime_now('%d') }}{% endmacro %}{{ day() }}", "26"),
        ("{{ 'morning' if strftime_now is defined and strftime_now('%H') | int < 12 }}", "morning"),
    ],
)
def test_texts_do_not_depend_on_the_day(asked, told, tmp_path):
    dated = CHATML.replace("{% for m", f"\nToday: {asked}\n{{% for m", 1)
    assert read(qwen_chat(tmp_path, dated))[1].before == f"\nToday: {told}\n<|im_start|>user\n"


@pytest.mark.parametrize("form", ["'%Q'", "'100%'", "none", "unheard_of"])
def test_a_date_in_a_form_that_nobody_knows_is_refused(form, tmp_path):
    folder = qwen_chat(tmp_path, f"{{{{ strftime_now({form}) }}}}" + CHATML)
    for system in (None, "Be brief."):  # the system prompt is not to blame
        with pytest.raises(
            ConfigError, match=r"row one, column chat is true, but .* fails .* .no date can be written in the form"
        ):
            read(folder, system=system)


def test_the_span_says_which_tokens_of_a_padded_beginning_are_the_requests(tmp_path):
    ids, chat = read(gemma_chat(tmp_path))
    for code in chat.encode_batch(ids, REQUESTS):
        begin, stop = own_span(code)
        n = len(code.ids)
        assert [n - begin <= i < n - stop for i in range(n)] == code.counts


# ---- what is steered


def changed(counts, positions, i, n):
    """Whether position i of a text is steered whose beginning has n tokens."""
    return {"all": i >= n or counts[i], "generated": i >= n, "prompt": i < n and counts[i]}[positions]


@pytest.mark.parametrize("positions", POLICIES)
@pytest.mark.parametrize("kind", ["qwen", "unwrapped"])
def test_with_a_cache_only_the_positions_of_the_policy_are_steered(kind, positions, tmp_path):
    """Against the whole text in one pass: what went into the block is kept, and the change of each position is looked
    at, padding, first token, scaffolding, request and new tokens."""
    import torch

    folder = model_for(qwen_chat(tmp_path), family="qwen3")
    ids = load_ids(folder, "<|endoftext|>")
    codes = (
        ids.encode_batch(REQUESTS)
        if kind == "unwrapped"
        else read(folder, "<|endoftext|>")[1].encode_batch(ids, REQUESTS)
    )
    assert not any(c.counts[0] for c in codes)
    model, seen, width = load_model(folder), [], max(len(c.ids) for c in codes)
    edits = Edits.of(
        0, [(Intervention(np.eye(32)[0], 2.0, positions=positions), range(3))], 3.0, spans=[own_span(c) for c in codes]
    )
    real = Edits.apply

    def apply(self, h, beginning):
        after = real(self, h, beginning)
        seen.append((after - h)[..., 0])
        return after

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Edits, "apply", apply)
        starts = [Start(c.ids, np.random.SeedSequence([1, k])) for k, c in enumerate(codes)]
        tokens = sample_texts(model, starts, edits, Sampling(4), None)
    found = torch.cat(seen, 1)[:3]
    assert found.shape[1] == width + 3 and all(len(t) == 4 for t in tokens)
    for k, code in enumerate(codes):
        pad, n = width - len(code.ids), len(code.ids)
        wanted = [0.0] * pad + [6.0 * changed(code.counts, positions, i, n) for i in range(n + 3)]
        assert found[k].tolist() == pytest.approx(wanted, abs=1e-5), (k, positions)
    kept = edits.take(torch.tensor([2, 0]))
    assert [x.tolist() for x in kept.spans] == [[own_span(codes[k])[j] for k in (2, 0)] for j in (0, 1)]


def generator(folder, tmp_path, **place):
    sae = tmp_path / "sae"
    return Generator(
        Place(folder, sae, 0, 2.0, "<|endoftext|>", WHERE, **place),
        "en",
        Sampling(max_new_tokens=4),
        numerics=Numerics(),
        journal_folder=tmp_path / "journal",
        root_seed=7,
    )


def test_chat_system_prompt_and_first_token_are_in_the_key_and_plain_keys_stay(tmp_path, sae_folder):
    import shutil

    shutil.copytree(sae_folder, tmp_path / "sae")
    folder = model_for(qwen_chat(tmp_path / "m"), family="qwen3")
    chunk = Chunk("joy", "concept", Intervention(np.eye(32)[0], 1.0), (Prompt("a", "choose", "Anna"),))
    asked = [{}, {"spares_first": True}, {"chat": True}, {"chat": True, "system_prompt": "Be brief."}]
    made = [generator(folder, tmp_path, **how) for how in asked]
    assert len({one._key(chunk) for one in made}) == 4
    assert "chat" not in made[0].identity and "first_token" not in made[0].identity
    # the first token is never steered in a chat, so the key does not ask
    assert generator(folder, tmp_path, chat=True, spares_first=True)._key(chunk) == made[2]._key(chunk)
    texts = [one.run([chunk], "x")["joy", "concept", 1.0][0]["text"] for one in made]
    assert all("<|im_end|>" not in t and "<think>" not in t for t in texts)


# ---- before any job


def row(**change):
    return {"model": "one", "chat": True, "system_prompt": None, "source": "local", "bos": None} | change


def test_models_and_prompts_that_do_not_go_together():
    check_kind(row(), "requests", "request")
    with pytest.raises(ConfigError, match=r"row one: column chat is false, and the prompts 'requests' are requests"):
        check_kind(row(chat=False), "requests", "request")
    with pytest.raises(ConfigError, match=r"column system_prompt is 'x' where column chat is false"):
        check_kind(row(chat=False, system_prompt="x"), "continuations", "continuation")
    with pytest.raises(
        ConfigError, match=r"key prompts is 'requests'; allowed for 'one', a model of the planted world"
    ):
        check_kind(row(source="trained"), "requests", "request")
    check_kind(row(), "continuations", "continuation")  # said below the plan (planning.prompts.unwrapped)


def test_a_request_longer_than_the_context_is_refused(tmp_path):
    folder = gemma_chat(tmp_path)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 60}))
    chat, (code,) = look_at_chat(folder, row(), ["Anna"], 24)
    assert plain(load_ids(folder), code) == f"{chat.before}Anna{chat.after}"
    with pytest.raises(ConfigError, match=r"row one: the request .* with steering.max_new_tokens .*context has 60"):
        look_at_chat(folder, row(), ["Anna", "the table" * 20], 24)


def test_the_folders_tokenizer_must_be_one(tmp_path):
    folder = save(byte_level(), tmp_path, tokenizer_class="NoSuchTokenizer")
    (folder / "tokenizer_config.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"column chat is true, but"):
        chats._with_template(folder, WHERE)


def function_of(root, script):
    spec = importlib.util.spec_from_file_location(script, root / f"workflow/scripts/{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, script)


def test_requests_are_written_as_the_model_reads_them(root, tmp_path):
    folder, table = llama3_chat(tmp_path / "m"), tmp_path / "en.tsv"
    table.write_text('prompt\ttext\nkettle\tSay "stop".\nferry\tthe table stands\n', encoding="utf-8")
    assert read_prompts(table)[0] == ("kettle", "choose", 'Say "stop".')
    (tmp_path / "concepts.tsv").write_text("emotion\tword\tstrength\tpos\tsource\njoy\tglad\t1\tadj\ttable\n")
    prepared, out = tmp_path / "prepared.tsv", tmp_path / "out.tsv"
    function_of(root, "prepare_prompts")(
        table, tmp_path / "concepts.tsv", prepared, writing=EN, rule="snowball-english"
    )
    assert read_prepared(prepared) == read_prompts(table)  # quotation marks are characters in both
    function_of(root, "wrap_requests")(folder, prepared, out, row=row(), max_new_tokens=24)
    found = READ.read(out).set_index("prompt")
    assert found.loc["kettle", "wrapped"].startswith(
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\\n\\nSay "
    )
    ids, chat = read(folder, requests=[])
    for name, text in (("kettle", 'Say "stop".'), ("ferry", "the table stands")):
        (code,) = chat.encode_batch(ids, [text])
        own = code.ids[found.loc[name, "first_own"] : found.loc[name, "last_own"] + 1]
        assert ids.tokenizer.decode(own) == text and found.loc[name, "n_tokens"] == len(code.ids)
    with pytest.raises(ConfigError, match=r"row one, column chat is true, but .* no chat template"):
        function_of(root, "wrap_requests")(gpt2_type(tmp_path / "g"), prepared, out, row=row(), max_new_tokens=24)
