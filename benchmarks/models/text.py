"""Models of text of `transformers`."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.models.real import Made, Models, near, tokens

models = Models("transformers")

DECODER = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ENCODER = {
    "vocab_size": 40,
    "hidden_size": 16,
    "embedding_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 24,
    "pad_token_id": 0,
}
BOTH = {
    "vocab_size": 40,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
T5 = {
    "vocab_size": 40,
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 24,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": 0,
}


INTENDED = {"PhimoeForCausalLM": ("PhimoeMultiplier",)}
"""Gradients of routers that are estimates on purpose."""


def made(name: str, settings: dict[str, Any], inputs: Any = None, loss: Any = None) -> Made:
    """A model of transformers with random weights, of these settings, called for its own loss of the next or the same tokens."""
    import transformers

    kind = getattr(transformers, name)
    ids = tokens(2, 6)
    given = {"input_ids": ids, "labels": ids} if inputs is None else inputs()
    return Made(kind(kind.config_class(**settings)).train(), given, loss, INTENDED.get(name, ()))


def listed(common: dict[str, Any], rows: dict[str, dict[str, Any]], inputs: Any = None, loss: Any = None) -> None:
    """One model a row: its class, and what differs from the common settings."""
    for name, settings in rows.items():
        models.add(name, partial(made, name, {**common, **settings}, inputs, loss))


def _padded() -> dict[str, Any]:
    """A batch where one text is shorter than the other."""
    import torch

    ids = tokens(2, 6)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": ids}


def _translated() -> dict[str, Any]:
    return {"input_ids": tokens(2, 6), "labels": tokens(2, 5)}


EAGER = {"experts_implementation": "eager"}  # else torch's grouped products, which know no float64
MOE = {**EAGER, "num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 12}

listed(
    DECODER,
    {
        "GPT2LMHeadModel": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16},
        "OpenAIGPTLMHeadModel": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16},
        "GPTNeoForCausalLM": {"attention_types": [[["global", "local"], 1]], "num_layers": 2, "num_heads": 2, "window_size": 4},
        "GPTNeoXForCausalLM": {},
        "GPTJForCausalLM": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "rotary_dim": 4},
        "GPTBigCodeForCausalLM": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16},
        "CodeGenForCausalLM": {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 16, "rotary_dim": 4},
        "CTRLLMHeadModel": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "dff": 24},
        "LlamaForCausalLM": {},
        "MistralForCausalLM": {"sliding_window": 4},
        "MixtralForCausalLM": MOE,
        "GemmaForCausalLM": {},
        "Gemma2ForCausalLM": {"query_pre_attn_scalar": 4, "sliding_window": 4},
        "Gemma3ForCausalLM": {"sliding_window": 4},
        "Qwen2ForCausalLM": {},
        "Qwen2MoeForCausalLM": {**MOE, "shared_expert_intermediate_size": 12, "decoder_sparse_step": 1},
        "Qwen3ForCausalLM": {},
        "Qwen3MoeForCausalLM": {**MOE, "decoder_sparse_step": 1, "experts_implementation": "grouped_mm"},
        "Qwen3NextForCausalLM": {
            **MOE,
            "shared_expert_intermediate_size": 12,
            "linear_key_head_dim": 4,
            "linear_value_head_dim": 4,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 2,
            "layer_types": ["linear_attention", "full_attention"],
        },
        "PhiForCausalLM": {},
        "Phi3ForCausalLM": {},
        "PhimoeForCausalLM": MOE,
        "OPTForCausalLM": {"ffn_dim": 24, "word_embed_proj_dim": 16},
        "BloomForCausalLM": {"n_layer": 2, "n_head": 2},
        "MptForCausalLM": {"d_model": 16, "n_layers": 2, "n_heads": 2, "max_seq_len": 16},
        "StableLmForCausalLM": {},
        "Starcoder2ForCausalLM": {},
        "CohereForCausalLM": {},
        "Cohere2ForCausalLM": {"sliding_window": 4},
        "OlmoForCausalLM": {},
        "Olmo2ForCausalLM": {},
        "OlmoeForCausalLM": MOE,
        "GraniteForCausalLM": {},
        "GraniteMoeForCausalLM": MOE,
        "GlmForCausalLM": {},
        "NemotronForCausalLM": {},
        "PersimmonForCausalLM": {},
        "SmolLM3ForCausalLM": {},
        "HeliumForCausalLM": {},
        "DiffLlamaForCausalLM": {},
        "GptOssForCausalLM": {**MOE, "sliding_window": 4},
        "DeepseekV3ForCausalLM": {
            **EAGER,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_group": 2,
            "topk_group": 1,
            "moe_intermediate_size": 12,
            "kv_lora_rank": 8,
            "q_lora_rank": 8,
            "qk_nope_head_dim": 4,
            "qk_rope_head_dim": 4,
            "v_head_dim": 4,
            "first_k_dense_replace": 1,
            "num_key_value_heads": 4,
        },
        "BitNetForCausalLM": {},
        "BioGptForCausalLM": {},
        "XGLMForCausalLM": {"d_model": 16, "num_layers": 2, "attention_heads": 2, "ffn_dim": 24},
        "MambaForCausalLM": {"state_size": 4, "time_step_rank": 2},
        "Mamba2ForCausalLM": {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1, "chunk_size": 4},
        "FalconMambaForCausalLM": {"state_size": 4, "time_step_rank": 2},
        "JambaForCausalLM": {
            **EAGER,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "mamba_d_state": 4,
            "mamba_dt_rank": 2,
            "use_mamba_kernels": False,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
        },
        "RwkvForCausalLM": {"attention_hidden_size": 16, "context_length": 16},
        "RecurrentGemmaForCausalLM": {"num_hidden_layers": 3, "lru_width": 16, "attention_window_size": 4},
        "ModernBertDecoderForCausalLM": {"local_attention": 4},
    },
)
listed(
    ENCODER,
    {
        "BertForMaskedLM": {},
        "RobertaForMaskedLM": {},
        "AlbertForMaskedLM": {},
        "DistilBertForMaskedLM": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24},
        "ElectraForMaskedLM": {"embedding_size": 8},
        "DebertaForMaskedLM": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        "DebertaV2ForMaskedLM": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        "MPNetForMaskedLM": {},
        "ModernBertForMaskedLM": {"num_attention_heads": 2, "local_attention": 4},
        "ConvBertForMaskedLM": {"num_attention_heads": 4, "conv_kernel_size": 3, "head_ratio": 2},
        "MobileBertForMaskedLM": {
            "embedding_size": 8,
            "intra_bottleneck_size": 8,
            "true_hidden_size": 8,
            "num_feedforward_networks": 2,
        },
        "SqueezeBertForMaskedLM": {},
        "FNetForMaskedLM": {},
        "RoFormerForMaskedLM": {},
        "EsmForMaskedLM": {"mask_token_id": 3, "position_embedding_type": "rotary"},
        "IBertForMaskedLM": {},
        "XLMRobertaForMaskedLM": {},
        "CamembertForMaskedLM": {},
        "MegatronBertForMaskedLM": {},
    },
    _padded,
)
listed(
    ENCODER,
    {
        "LongformerForMaskedLM": {"attention_window": 4},
        "NystromformerForMaskedLM": {"num_landmarks": 2, "segment_means_seq_len": 6},
        "ReformerForMaskedLM": {
            "attn_layers": ["local", "lsh"],
            "is_decoder": False,
            "feed_forward_size": 24,
            "attention_head_size": 8,
            "axial_pos_shape": [2, 3],
            "axial_pos_embds_dim": [8, 8],
            "local_attn_chunk_length": 2,
            "lsh_attn_chunk_length": 2,
            "num_buckets": 2,
            "chunk_size_lm_head": 0,
            "hash_seed": 0,
        },
    },
)
listed(
    BOTH,
    {
        "BartForConditionalGeneration": {},
        "MBartForConditionalGeneration": {},
        "PegasusForConditionalGeneration": {},
        "MarianMTModel": {},
        "BlenderbotForConditionalGeneration": {},
        "M2M100ForConditionalGeneration": {},
        "LEDForConditionalGeneration": {"attention_window": 4, "max_encoder_position_embeddings": 16},
        "BigBirdPegasusForConditionalGeneration": {"attention_type": "original_full"},
        "PegasusXForConditionalGeneration": {"block_size": 4, "num_global_tokens": 2},
    },
    _translated,
)
listed(
    T5,
    {
        "T5ForConditionalGeneration": {},
        "MT5ForConditionalGeneration": {"feed_forward_proj": "gated-gelu"},
        "UMT5ForConditionalGeneration": {},
        "LongT5ForConditionalGeneration": {"local_radius": 2},
        "SwitchTransformersForConditionalGeneration": {"num_experts": 2, "num_sparse_encoder_layers": 1, "expert_capacity": 8},
    },
    _translated,
)
listed(
    ENCODER,
    {"BigBirdForMaskedLM": {"attention_type": "block_sparse", "block_size": 2, "num_random_blocks": 1}},
    lambda: {"input_ids": (ids := tokens(2, 16)), "labels": ids},
)
WORDS = {"vocab_size": 40, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
listed(
    WORDS,
    {
        "FalconForCausalLM": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
        "XLNetLMHeadModel": {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24},
        "FunnelForMaskedLM": {"block_sizes": [1, 1], "d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 24},
    },
)
listed(
    WORDS,
    {
        "PerceiverForMaskedLM": {
            "d_model": 16,
            "d_latents": 16,
            "num_latents": 4,
            "num_self_attends_per_block": 2,
            "num_self_attention_heads": 2,
            "num_cross_attention_heads": 2,
            "max_position_embeddings": 6,
            "qk_channels": 16,
            "v_channels": 16,
        },
    },
)
listed(
    WORDS,
    {
        "ProphetNetForConditionalGeneration": {
            "hidden_size": 16,
            "num_encoder_layers": 2,
            "num_decoder_layers": 2,
            "num_encoder_attention_heads": 2,
            "num_decoder_attention_heads": 2,
            "encoder_ffn_dim": 24,
            "decoder_ffn_dim": 24,
            "ngram": 2,
            "max_position_embeddings": 16,
            "decoder_start_token_id": 1,
        },
    },
    _translated,
)
listed(
    BOTH,
    {"FSMTForConditionalGeneration": {"src_vocab_size": 40, "tgt_vocab_size": 40, "langs": ["en", "de"]}},
    lambda: {"input_ids": tokens(2, 5), "labels": tokens(2, 5)},
)
listed(
    ENCODER,
    {"BertForSequenceClassification": {"num_labels": 3}},
    lambda: {"input_ids": tokens(3, 6), "labels": tokens(3, below=6) - 4},
)
listed(
    ENCODER,
    {"BertForQuestionAnswering": {}},
    lambda: {"input_ids": tokens(2, 6), "start_positions": tokens(2, below=6), "end_positions": tokens(2, below=6)},
)
listed(
    ENCODER,
    {"CanineModel": {"num_hash_buckets": 20, "local_transformer_stride": 2, "downsampling_rate": 2}},
    lambda: {"input_ids": tokens(2, 8)},
    near("last_hidden_state"),
)
MODELS = (models,)
