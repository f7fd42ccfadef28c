"""Contracts of steering: vectors, judges, generated texts and their scores."""

from shared_affect.base.contracts import Array, Arrays, Facts, Field, Published, Table, flag, number, share, text, whole
from shared_affect.study.vocabulary import JUDGE_LEVELS, STEERING_ARMS, TESTED_ON, VERDICTS

_STRENGTH = number("strength_resid_norm", "in mean residual norms", 0)

STEERING_VECTORS = Arrays(
    "steering/{model}/{sae}/{language}/{emotion}/vector.safetensors",
    "make_vectors",
    "Vectors of one emotion, one an arm; what they were made from stands in the metadata.",
    (
        Array("random", "float32", ("direction", "width"), "random directions, of length 1"),
        Array("*", "float32", ("width",), "of an arm, of length 1"),
    ),
)

PROMPTS = Table(
    "prompts/{language}.tsv",
    "prepare_prompts",
    "Prompts of the study, with their halves.",
    (
        text("prompt", "its name"),
        text("split", "strengths are chosen on one half of the prompts, scores come from the other", "choose", "score"),
        text("text", ""),
    ),
    ("prompt",),
)

REQUESTS = Table(
    "requests/{model}/{language}.tsv",
    "wrap_requests",
    "Requests as a chat model reads them. Only for models with `chat` true, and requests.",
    (
        text("prompt", "its name"),
        text("wrapped", "with what the chat template writes around it; a line break is written as two characters"),
        whole("n_tokens", "of the whole, the first token included"),
        whole("first_own", "number of the request's first token, from 0; what stands before is never steered"),
        whole("last_own", "number of its last token; what stands behind is never steered"),
    ),
    ("prompt",),
)

GENERATIONS = Table(
    "steering/{model}/{sae}/{language}/{emotion}/generations.jsonl, steering/{model}/{sae}/{language}/baselines.jsonl",
    "generate_texts",
    "Generated texts, one JSON object a line.",
    (
        text("emotion", "`-` where the text belongs to none"),
        text("arm", ""),
        number("strength", "in mean residual norms", 0),
        text("prompt", "its name"),
        whole("sample", "from 0"),
        whole("direction", "which random direction; null or -1 where there is one", -1, missing=True),
        text("text", "", missing=True),
        number("nll", "of the text under the unsteered model, nats a token", 0),
        whole("n_tokens", ""),
        text("split", "strengths are chosen on one half of the prompts, scores come from the other", "choose", "score"),
    ),
    ("emotion", "arm", "strength", "prompt", "sample"),
)

JUDGE_TEXTS = Table(
    "judges/{judge}/{language}/texts.tsv, world/{world}/judge_{language}.tsv",
    "prepare_judge_texts, write_planted_texts",
    "Training texts of the judge.",
    (text("text", "", missing=True), text("label", "emotion")),
    more="where the text comes from",
)

JUDGE = Arrays(
    "judges/{judge}/{language}.npz",
    "train_judge",
    "A linear classifier of texts.",
    (
        Array("vocabulary", "text", ("gram",), "words and pairs of words"),
        Array("idf", "float64", ("gram",), "inverse document frequency", 0),
        Array("coefficients", "float64", ("label", "gram"), ""),
        Array("intercepts", "float64", ("label",), ""),
    ),
)

JUDGE_FACTS = Facts(
    "judges/{judge}/{language}.json",
    "train_judge",
    "Accuracy of the judge on texts it was not trained on.",
    (
        share("accuracy", ""),
        share("macro_f1", ""),
        share("chance_majority", "accuracy of the commonest label"),
        share("chance_uniform", "accuracy of a random label"),
        text("language", ""),
        text("splitter", "how texts are cut into words (config/languages.tsv)"),
        Field("labels", "object", "emotions, in the order of the coefficients"),
        Field("words", "object", "words that segmentation keeps whole"),
    ),
    more="how many texts of each kind",
)

OF_JUDGES = (
    "accuracy",
    "macro_f1",
    "macro_auroc",
    "ece",
    "ece_all",
    "chance_majority",
    "chance_uniform",
    "share_without_label",
    "f1",
    "auroc",
    "confidence",
    "share_right",
    "n_held_out",
    "n_trained",
    "n_all",
    "n_labels",
    "n_features",
)
"""What is said of a judge (docs/steering.md, How good a judge is)."""

JUDGE_QUALITY = Table(
    "judges/{judge}/{language}/held-out.tsv, judges/{judge}/{language}/{corpus}.tsv",
    "train_judge, assess_judge",
    "How good a judge is on texts that people labelled.",
    (
        text("corpus", "whose texts these are"),
        text("texts", "what it knows of them: see docs/steering.md (How good a judge is)", *TESTED_ON),
        text("judge_level", "the study's emotions, or the six basic ones", *JUDGE_LEVELS),
        text("of", "`all`, an emotion, or a bin of confidence (`0.40-0.47`)"),
        text("quantity", "", *OF_JUDGES),
        number("value", "", missing=True),
        whole("n", "texts it rests on; of an emotion those that show it"),
    ),
    ("corpus", "texts", "judge_level", "of", "quantity"),
)

JUDGED = Arrays(
    "steering/{model}/{sae}/{language}/judged/{judge}.npz",
    "judge_texts",
    "What a judge says of every generated text, as it stands and without concept words.",
    (
        Array("text", "text", ("text",), "digest of the text, by which it is known"),
        Array("masked", "text", ("text",), "digest of the text without concept words"),
        Array("labels", "text", ("label",), "emotions, and labels that stand for none"),
        Array("top", "int64", ("text",), "label of the text; -1 where the judge has none", -1),
        Array("probability", "float32", ("text", "label"), "", 0, 1),
        Array("masked_top", "int64", ("text",), "label of the text without concept words", -1),
        Array("by_words", "bool", ("1",), "whether words were cut out as `embedded` reads them, or of the text itself"),
    ),
)

SCORES = Table(
    "steering/{model}/{sae}/{language}/{emotion}/scores.tsv",
    "score_texts",
    "Scores of the texts of an emotion under every arm, strength and judge.",
    (
        text("arm", ""),
        _STRENGTH,
        text("judge", ""),
        text("judge_level", "", "fine", "basic"),
        share("target_rate", "share of texts that show the emotion", missing=True),
        share("ci_low", "", missing=True),
        share("ci_high", "", missing=True),
        share("target_probability", "mean probability of the emotion", missing=True),
        share("masked_target_rate", "the same with the emotion's words masked", missing=True),
        number("nll_ratio", "to unsteered texts", 0, missing=True),
        number("perplexity_ratio", "to unsteered texts", 0, missing=True),
        share("distinct_2", "distinct pairs of words", missing=True),
        share("repetition", "", missing=True),
        number("valence", "mean rating of the words", -1, 1, missing=True),
        number("arousal", "the same", -1, 1, missing=True),
        share("language_kept", "share of words in the prompt's script", missing=True),
        share("content_kept", "", missing=True),
        share("harmonic_mean", "of target rate, fluency and language", missing=True),
        whole("n_prompts", ""),
        whole("seed", "root seed"),
    ),
    ("arm", "strength_resid_norm", "judge", "judge_level"),
    published=Published("steering", needs="steering", words={"arm": STEERING_ARMS, "judge_level": JUDGE_LEVELS}),
)

CHOSEN = Table(
    "steering/{model}/{sae}/{language}/chosen.tsv",
    "score_texts",
    "The strength of each emotion and arm, chosen on half of the prompts.",
    (
        text("emotion", ""),
        text("arm", ""),
        _STRENGTH,
        number("nll_ratio_choose", "to unsteered texts", 0, missing=True),
        share("target_rate_choose", "", missing=True),
        flag("qualified", "whether a strength was fluent enough"),
        whole("n_prompts_choose", ""),
    ),
    ("emotion", "arm"),
    published=Published("steering_chosen", needs="steering", words={"arm": STEERING_ARMS}),
)

STEERING_DIFFERENCES = Table(
    "steering/{model}/{sae}/{language}/differences.tsv",
    "score_texts",
    "Differences of two arms at the chosen strengths.",
    (
        text("emotion", "`all` for the mean over emotions"),
        text("comparison", ""),
        text("judge", ""),
        number("strength_resid_norm", "in mean residual norms", 0, missing=True),
        share("rate_a", "", missing=True),
        share("rate_b", "", missing=True),
        share("rate_b_ci_low", "", missing=True),
        share("rate_b_ci_high", "", missing=True),
        number("difference", "a minus b", -1, 1, missing=True),
        number("ci_low", "", missing=True),
        number("ci_high", "", missing=True),
        number("mixed_ci_low", "emotions drawn too", missing=True),
        number("mixed_ci_high", "", missing=True),
        number("nll_ratio", "to unsteered texts", 0, missing=True),
        flag("qualified", "", missing=True),
        whole("n_prompts", ""),
    ),
    ("emotion", "comparison", "judge"),
    published=Published("steering_differences", needs="steering"),
)

CLAIM = Table(
    "steering/{model}/{sae}/{language}/claim.tsv",
    "score_texts",
    "What the claims on steering read.",
    (
        text("claim", ""),
        text("statistic", ""),
        number("value", "difference of rates", -1, 1, missing=True),
        number("ci_low", "", missing=True),
        number("ci_high", "", missing=True),
        whole("n_prompts", ""),
        whole("n_passing", "emotions that pass"),
        whole("n_emotions", ""),
        number("nll_ratio", "to unsteered texts", 0, missing=True),
        text("control_name", "arm beside it"),
        share("control_value", "its rate", missing=True),
        share("control_ci_low", "", missing=True),
        share("control_ci_high", "", missing=True),
        text("model", ""),
        text("language", ""),
    ),
    ("claim",),
)

POOLED = Table(
    "steering/{model}/{sae}/{language}/pooled.tsv",
    "score_texts",
    "Rates over all emotions at the chosen strengths.",
    (
        text("arm", ""),
        text("judge", ""),
        share("rate", "", missing=True),
        share("ci_low", "", missing=True),
        share("ci_high", "", missing=True),
        number("concept_over_arm", "rate of the arm concept over this one's", 0, missing=True),
        number("ratio_ci_low", "", 0, missing=True),
        number("ratio_ci_high", "", 0, missing=True),
        number("nll_ratio", "to unsteered texts", 0, missing=True),
        whole("n_emotions", ""),
        whole("n_prompts", ""),
    ),
    ("arm", "judge"),
    published=Published("steering_pooled", needs="steering", words={"arm": STEERING_ARMS}),
)

CONFUSION = Table(
    "steering/{model}/{sae}/{language}/confusion.tsv",
    "score_texts",
    "Which emotion a judge finds in texts steered to another.",
    (
        text("emotion", ""),
        text("judge", ""),
        text("label", "what the judge says; nothing or `none` where it finds no emotion", missing=True),
        whole("count", "texts"),
        whole("n_texts", ""),
        share("rate", "", missing=True),
    ),
    ("emotion", "judge", "label"),
    published=Published("steering_confusion", needs="steering"),
)

PROMPT_BASELINE = Table(
    "steering/{model}/{sae}/{language}/prompt_baseline.tsv",
    "score_texts",
    "What unsteered texts show, by the set of prompts that they come from: all prompts, both halves.",
    (
        text("prompts", "set of config.yaml, key prompts"),
        text("judge", ""),
        text("emotion", "`any`: some emotion of the study"),
        share("rate", "of unsteered texts that show it; nothing where the judge has no label for it", missing=True),
        share("ci_low", "over prompts", missing=True),
        share("ci_high", "", missing=True),
        share("prompts_showing", "share of prompts with a text that shows it", missing=True),
        flag("high", "a quarter or more of the texts show it (of `any`: by a word list)"),
        whole("n_prompts", ""),
        whole("n_texts", ""),
    ),
    ("prompts", "judge", "emotion"),
    published=Published("steering_baseline", needs="steering"),
)

JUDGE_AGREEMENT = Table(
    "steering/{model}/{sae}/{language}/agreement.tsv",
    "score_texts",
    "How far two judges say the same of the texts by which arms are scored.",
    (
        text("judge_a", ""),
        text("judge_b", ""),
        text("emotion", "`all` for every text and emotion that both know"),
        number("kappa", "Cohen's; nothing where both say one and the same of all texts", -1, 1, missing=True),
        share("agreement", "share of texts of which they say the same"),
        share("share_a", "share of texts that the first gives to the emotion"),
        share("share_b", "share of texts that the second gives to it"),
        whole("n", "texts, of `all` texts times emotions", 1),
    ),
    ("judge_a", "judge_b", "emotion"),
    published=Published("judge_agreement", needs="steering"),
)

FLIPS = Table(
    "steering/{model}/{sae}/{language}/flips.tsv",
    "score_texts",
    "Verdicts on the claims about steering under every judge; claims.json has those of the declared judge alone.",
    (
        text("claim", ""),
        text("judge", ""),
        flag("declared", "whether it is the judge by whom the claim is decided"),
        text("verdict", "", *VERDICTS),
        text("declared_verdict", "under the declared judge", *VERDICTS),
        flag("flipped", "whether they differ, both being tested"),
        text("declared_verdict_same", "under the declared judge, on the emotions that this judge knows", *VERDICTS),
        number("value", "difference of rates", -1, 1, missing=True),
        number("ci_low", "", missing=True),
        number("ci_high", "", missing=True),
        whole("n_passing", "emotions that pass"),
        whole("n_emotions", "emotions that this judge has a label for"),
        share("rate_b", "target rate of the arm compared with, at the same strength", missing=True),
        number("minus_random", "of concept: target rate minus that of random directions", -1, 1, missing=True),
        share("random_rate", "target rate of random directions at the same strength", missing=True),
        share("random_ci_low", "", missing=True),
        share("random_ci_high", "", missing=True),
        share("unsteered_rate", "target rate of unsteered texts", missing=True),
        whole("random_passing", "emotions whose rate under random directions lies above that of unsteered texts"),
    ),
    ("claim", "judge"),
    published=Published("judge_flips", needs="steering"),
)

SUMMARIES = {
    "agreement": JUDGE_AGREEMENT,
    "flips": FLIPS,
    "chosen": CHOSEN,
    "claim": CLAIM,
    "differences": STEERING_DIFFERENCES,
    "pooled": POOLED,
    "confusion": CONFUSION,
    "prompt_baseline": PROMPT_BASELINE,
}
"""What `score_texts` writes once for all emotions, by the name of its file."""
