"""A tiny sequence classifier for tests."""

LABELS = ("happiness", "fear", "like", "neutral")
WORDS = ["party", "snake", "storm", "song", "table"]


def make_classifier(folder, labels=LABELS, problem=None):
    """A BERT type of one block over a handful of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    special = {s: i for i, s in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]"))}
    raw = Tokenizer(models.WordLevel(special | {w: 4 + i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = BertForSequenceClassification(
            BertConfig(
                vocab_size=4 + len(WORDS),
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
                max_position_embeddings=34,
                initializer_range=0.5,
                id2label=dict(enumerate(labels)),
                label2id={x: i for i, x in enumerate(labels)},
                problem_type=problem,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
