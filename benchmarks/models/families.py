"""More families of `transformers`: newer decoders, mixtures of experts, hybrids with state spaces, encoders of other kinds."""

from __future__ import annotations

from benchmarks.models.real import tokens
from benchmarks.models.text import BOTH, DECODER, ENCODER, INTENDED, MOE, T5, listed, models

LATENT = {
    "kv_lora_rank": 8, "q_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4,
    "num_key_value_heads": 4, "qk_head_dim": 8,
}  # fmt: skip
STATES = {
    "mamba_d_state": 4, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_chunk_size": 4, "mamba_expand": 2,
    "mamba_d_ssm": 32, "ssm_state_size": 4, "mamba_num_heads": 4, "mamba_head_dim": 8, "n_groups": 1, "chunk_size": 4,
}  # fmt: skip
LINEAR = {
    "linear_key_head_dim": 4, "linear_value_head_dim": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 2,
    "layer_types": ["linear_attention", "full_attention"],
}  # fmt: skip
ROUTED = {**MOE, "n_routed_experts": 4, "n_shared_experts": 1, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1}
SHARED = {"shared_expert_intermediate_size": 12, "moe_shared_expert_intermediate_size": 12}

_FIRST = len(models.found)
listed(
    DECODER,
    {
        "ApertusForCausalLM": {},
        "ArceeForCausalLM": {},
        "BambaForCausalLM": {**STATES, "attn_layer_indices": [1]},
        "CwmForCausalLM": {"sliding_window": 4},
        "DogeForCausalLM": {},
        "Ernie4_5ForCausalLM": {},
        "Ernie4_5_MoeForCausalLM": {**MOE, "moe_num_experts": 4, "moe_k": 2},
        "Exaone4ForCausalLM": {"sliding_window": 4},
        "FalconH1ForCausalLM": STATES,
        "FlexOlmoForCausalLM": MOE,
        "Gemma4ForCausalLM": {
            "sliding_window": 4, "num_global_key_value_heads": 2, "global_head_dim": 4, "vocab_size_per_layer_input": 40,
            "hidden_size_per_layer_input": 4,
        },
        "Glm4ForCausalLM": {},
        "Glm4MoeForCausalLM": ROUTED,
        "Glm4MoeLiteForCausalLM": {**ROUTED, **LATENT},
        "GraniteMoeHybridForCausalLM": {**MOE, **STATES, **SHARED, "layer_types": ["mamba", "attention"]},
        "GraniteMoeSharedForCausalLM": {**MOE, "shared_intermediate_size": 12},
        "Lfm2ForCausalLM": {"layer_types": ["conv", "full_attention"]},
        "Lfm2MoeForCausalLM": {**MOE, "layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
        "Llama4ForCausalLM": {**MOE, "intermediate_size_mlp": 24},
        "MiMoV2FlashForCausalLM": {**ROUTED, "sliding_window": 4, "v_head_dim": 4},
        "MiniCPM3ForCausalLM": LATENT,
        "MiniMaxForCausalLM": MOE,
        "MiniMaxM2ForCausalLM": MOE,
        "NanoChatForCausalLM": {},
        "NemotronHForCausalLM": {**STATES, "hybrid_override_pattern": "M*", "layers_block_type": ["mamba", "attention"]},
        "Olmo3ForCausalLM": {"sliding_window": 4},
        "OlmoHybridForCausalLM": LINEAR,
        "Qwen3_5ForCausalLM": LINEAR,
        "Qwen3_5MoeForCausalLM": {**MOE, **LINEAR, **SHARED},
        "SeedOssForCausalLM": {},
        "VaultGemmaForCausalLM": {"query_pre_attn_scalar": 4, "sliding_window": 4},
        "YoutuForCausalLM": LATENT,
    },
)  # fmt: skip
INTENDED["YosoForMaskedLM"] = ("YosoCumulation",)
listed(
    ENCODER,
    {
        "NomicBertForMaskedLM": {},
        "RemBertForMaskedLM": {"input_embedding_size": 8, "output_embedding_size": 8},
        "RobertaPreLayerNormForMaskedLM": {},
        "TapasForMaskedLM": {"type_vocab_sizes": [2, 2, 2, 2, 2, 2, 2]},
        "XmodForMaskedLM": {"default_language": "en_XX", "languages": ["en_XX"]},
        "YosoForMaskedLM": {"use_expectation": True},
        "ErnieForMaskedLM": {},
        "BertGenerationDecoder": {"is_decoder": True},
    },
    lambda: {"input_ids": (ids := tokens(2, 6)), "labels": ids},
)
listed(
    BOTH,
    {
        "BlenderbotSmallForConditionalGeneration": {},
        "MvpForConditionalGeneration": {},
        "NllbMoeForConditionalGeneration": {"num_experts": 4, "encoder_sparse_step": 1, "decoder_sparse_step": 1},
        "PLBartForConditionalGeneration": {},
    },
    lambda: {"input_ids": tokens(2, 6), "labels": tokens(2, 5)},
)
listed(T5, {"MT5ForQuestionAnswering": {}}, lambda: {
    "input_ids": tokens(2, 6), "start_positions": tokens(2, below=6), "end_positions": tokens(2, below=6)
})  # fmt: skip
ADDED = models.found[_FIRST:]
