"""Every key of an SAE's ``cfg.json``, and what it bears on.

A key is either honoured, or allowed with the values that ask for nothing more, or known to bear on training alone, or
refused: a key that is read by nobody would be a wrong number without a word.
"""

from __future__ import annotations

from collections.abc import Callable

OLD_NAMES = {
    "hook_point": "hook_name",
    "hook_point_layer": "hook_layer",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}

HONOURED = set(
    """
    architecture d_in d_sae k apply_b_dec_to_input normalize_activations rescale_acts_by_decoder_norm
    activation_fn activation_fn_kwargs hook_name hook_layer hf_hook_name prepend_bos sae_lens_version
    """.split()
)

AT_THE_TOP = set(
    """
    architecture d_in d_sae k apply_b_dec_to_input normalize_activations rescale_acts_by_decoder_norm
    activation_fn activation_fn_kwargs reshape_activations finetuning_scaling_factor
    """.split()
)
"""Keys that sae-lens looks for at the top level alone; in ``metadata`` they may only repeat what stands there."""

HARMLESS = {
    # where it comes from and how it is stored: tensors are read as they are stored and used in float32
    *"""
    dtype device model_name model_class_name neuronpedia_id dataset_path dataset_trust_remote_code context_size
    sae_lens_training_version exclude_special_tokens training_architecture training_architecture_details l0
    num_dead_features
    """.split(),
    # losses, initial weights and noise of training; nothing of it is part of encoding
    *"""
    l1_coefficient l1_warm_up_steps lp_norm l0_coefficient l0_warm_up_steps target_l0 mse_loss_normalization
    use_ghost_grads noise_scale normalize_sae_decoder scale_sparsity_penalty_by_decoder_norm
    aux_loss_coefficient pre_act_loss_coefficient use_sparse_activations topk_threshold_lr
    jumprelu_init_threshold jumprelu_bandwidth jumprelu_sparsity_loss_mode jumprelu_tanh_scale
    jumprelu_ste_to_input matryoshka_widths matryoshka_inner_loss_weights use_matryoshka_aux_loss
    decoder_init_norm decoder_orthogonal_init decoder_heuristic_init decoder_heuristic_init_norm
    init_encoder_as_decoder_transpose b_dec_init_method expansion_factor from_pretrained_path
    """.split(),
    # the run that trained it
    *"""
    lr lr_end lr_scheduler_name lr_warm_up_steps lr_decay_steps n_restart_cycles adam_beta1 adam_beta2
    train_batch_size_tokens train_batch_size store_batch_size_prompts store_batch_size eval_batch_size_prompts
    n_eval_batches training_tokens finetuning_tokens finetuning_method total_training_tokens n_batches_in_buffer
    tokens_per_buffer dead_feature_window dead_feature_threshold dead_feature_estimation_method
    feature_sampling_window feature_reinit_scale hook_eval hook_point_eval streaming is_dataset_tokenized
    use_cached_activations cached_activations_path act_store_device llm_device autocast autocast_lm compile_llm
    compile_sae llm_compilation_mode sae_compilation_mode seed verbose log_to_wandb wandb_project wandb_entity
    wandb_id wandb_log_frequency log_optimizer_state_to_wandb log_activations_store_to_wandb
    log_weights_to_wandb eval_every_n_wandb_logs run_name checkpoint_path n_checkpoints save_final_checkpoint
    prefetch_llm_batches activations_mixing_fraction effective_batch_size
    """.split(),
}
"""Keys that may have any value: none bears on what an SAE computes from a residual."""

HARMLESS_OF_MODEL = {
    # folding of norms, of value biases and of the unembedding leaves the residual stream as it is
    *"""
    fold_ln fold_value_biases center_unembed refactor_factored_attn_matrices n_devices device device_map dtype
    torch_dtype low_cpu_mem_usage trust_remote_code default_padding_side move_to_device n_ctx
    attn_implementation
    """.split(),
}
"""Keys of ``model_from_pretrained_kwargs`` that do not change what a block puts out."""


def _is_integer(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value) -> bool:
    return _is_integer(value) and value >= 1


def _is_truth(value) -> bool:
    return isinstance(value, bool)


def _is_text(value) -> bool:
    return isinstance(value, str)


SITE = ("hook_name", "hf_hook_name", "hook_layer")

TYPES: dict[str, tuple[Callable, str]] = {
    **dict.fromkeys(("d_in", "d_sae"), (is_count, "an integer >= 1")),
    **dict.fromkeys(
        ("apply_b_dec_to_input", "rescale_acts_by_decoder_norm", "prepend_bos"), (_is_truth, "true or false")
    ),
    **dict.fromkeys(("hook_name", "hf_hook_name"), (_is_text, "text")),
    "hook_layer": (_is_integer, "an integer"),
}
"""Honoured keys of one type: its test, and the type in words."""


def _model_kwargs(value, said) -> bool:
    return isinstance(value, dict) and all(
        k in HARMLESS_OF_MODEL or v is None or (k == "center_writing_weights" and v is False) for k, v in value.items()
    )


def _is_false(value, said) -> bool:
    return value is False


ALLOWED: dict[str, tuple[Callable, str]] = {
    "reshape_activations": (lambda v, said: v == "none", "none"),
    "finetuning_scaling_factor": (_is_false, "false (multiply the factor into the weights before saving)"),
    "use_error_term": (_is_false, "false"),
    "hook_head_index": (lambda v, said: False, "null: the whole residual is read, not one attention head"),
    "hook_name_out": (
        lambda v, said: v == said.get("hook_name"),
        "null (a transcoder writes another place than it reads)",
    ),
    "hf_hook_name_out": (
        lambda v, said: v == said.get("hf_hook_name"),
        "null (a transcoder writes another place than it reads)",
    ),
    "hook_layer_out": (
        lambda v, said: v == said.get("hook_layer"),
        "null (a transcoder writes another place than it reads)",
    ),
    "hook_head_index_out": (lambda v, said: False, "null"),
    "d_out": (lambda v, said: v == said.get("d_in"), "null or d_in (a transcoder writes another width than it reads)"),
    "seqpos_slice": (
        lambda v, said: isinstance(v, list) and not any(x is not None for x in v),
        "null or [null]: features are read at every position but BOS",
    ),
    "model_from_pretrained_kwargs": (
        _model_kwargs,
        "null, or an object without keys that change the residual; center_writing_weights: false (the model is read "
        "as it was published)",
    ),
    "model_kwargs": (lambda v, said: v == {}, "null or {}"),
}
"""Keys that bear on the numbers and are not honoured: a test of the values that ask for nothing, and these in words."""
