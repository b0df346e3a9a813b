"""More of `diffusers`: autoencoders of films and of sound, denoisers of films, and other transformers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.models.real import Made, Models, near, noise

models = Models("diffusers")


def _time(step: float = 3) -> Any:
    import torch

    return torch.tensor([step])


ROWS: dict[str, tuple[dict[str, Any], Callable[[], dict[str, Any]]]] = {
    "AsymmetricAutoencoderKL": (
        {
            "down_block_types": ("DownEncoderBlock2D",) * 2, "down_block_out_channels": (8, 16),
            "up_block_types": ("UpDecoderBlock2D",) * 2, "up_block_out_channels": (8, 16), "latent_channels": 2,
            "norm_num_groups": 4,
        },
        lambda: {"sample": noise(1, 3, 8, 8)},
    ),
    "AutoencoderKLTemporalDecoder": (
        {"down_block_types": ("DownEncoderBlock2D",) * 2, "block_out_channels": (32, 32), "latent_channels": 2},
        lambda: {"sample": noise(2, 3, 8, 8), "num_frames": 2},
    ),
    "AutoencoderKLCogVideoX": (
        {
            "down_block_types": ("CogVideoXDownBlock3D",) * 2, "up_block_types": ("CogVideoXUpBlock3D",) * 2,
            "block_out_channels": (8, 8), "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 4,
            "temporal_compression_ratio": 2,
        },
        lambda: {"sample": noise(1, 3, 3, 8, 8)},
    ),
    "AutoencoderOobleck": (
        {
            "encoder_hidden_size": 8, "downsampling_ratios": [2, 2], "channel_multiples": [1, 2], "decoder_channels": 8,
            "decoder_input_channels": 4, "audio_channels": 1,
        },
        lambda: {"sample": noise(1, 1, 32)},
    ),
    "AutoencoderDC": (
        {
            "latent_channels": 4, "attention_head_dim": 2, "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "decoder_block_types": ("ResBlock", "EfficientViTBlock"), "encoder_block_out_channels": (8, 8),
            "decoder_block_out_channels": (8, 8), "encoder_qkv_multiscales": ((), (5,)),
            "decoder_qkv_multiscales": ((), (5,)), "encoder_layers_per_block": (1, 1), "decoder_layers_per_block": [1, 1],
            "downsample_block_type": "conv", "upsample_block_type": "interpolate", "decoder_norm_types": "rms_norm",
            "decoder_act_fns": "silu",
        },
        lambda: {"sample": noise(1, 3, 16, 16)},
    ),
    "AutoencoderKLWan": (
        {"base_dim": 4, "z_dim": 4, "dim_mult": [1, 1], "num_res_blocks": 1, "temperal_downsample": [True]},
        lambda: {"sample": noise(1, 3, 1, 16, 16)},
    ),
    "UNet2DConditionModel of Kandinsky": (
        {
            "sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": (8, 16), "norm_num_groups": 4,
            "layers_per_block": 1, "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn", "cross_attention_dim": 8, "attention_head_dim": 2,
        },
        lambda: {"sample": noise(1, 4, 8, 8), "timestep": _time(), "encoder_hidden_states": noise(1, 5, 8)},
    ),
    "PriorTransformer": (
        {
            "num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2, "embedding_dim": 8, "num_embeddings": 5,
            "additional_embeddings": 4,
        },
        lambda: {
            "hidden_states": noise(2, 8), "timestep": _time(), "proj_embedding": noise(2, 8),
            "encoder_hidden_states": noise(2, 5, 8),
        },
    ),
    "AuraFlowTransformer2DModel": (
        {
            "sample_size": 8, "patch_size": 2, "in_channels": 4, "num_mmdit_layers": 1, "num_single_dit_layers": 1,
            "attention_head_dim": 8, "num_attention_heads": 2, "joint_attention_dim": 8, "caption_projection_dim": 16,
            "out_channels": 4, "pos_embed_max_size": 64,
        },
        lambda: {"hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 5, 8), "timestep": _time(0.3)},
    ),
    "CogVideoXTransformer3DModel": (
        {
            "num_attention_heads": 2, "attention_head_dim": 8, "in_channels": 4, "out_channels": 4, "time_embed_dim": 4,
            "text_embed_dim": 8, "num_layers": 1, "sample_width": 8, "sample_height": 8, "sample_frames": 9, "patch_size": 2,
            "max_text_seq_length": 5,
        },
        lambda: {"hidden_states": noise(1, 1, 4, 8, 8), "encoder_hidden_states": noise(1, 5, 8), "timestep": _time()},
    ),
    "LTXVideoTransformer3DModel": (
        {
            "in_channels": 4, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 8, "cross_attention_dim": 16,
            "num_layers": 1, "caption_channels": 16,
        },
        lambda: {
            "hidden_states": noise(1, 8, 4), "encoder_hidden_states": noise(1, 5, 16), "timestep": _time(),
            "encoder_attention_mask": noise(1, 5) * 0 + 1, "num_frames": 2, "height": 2, "width": 2,
        },
    ),
    "MochiTransformer3DModel": (
        {
            "patch_size": 2, "num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2, "pooled_projection_dim": 16,
            "in_channels": 4, "text_embed_dim": 8, "time_embed_dim": 4, "activation_fn": "swiglu", "max_sequence_length": 5,
        },
        lambda: {
            "hidden_states": noise(1, 4, 2, 8, 8), "encoder_hidden_states": noise(1, 5, 8), "timestep": _time(),
            "encoder_attention_mask": noise(1, 5) * 0 + 1,
        },
    ),
    "WanTransformer3DModel": (
        {
            "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "text_dim": 16,
            "freq_dim": 64, "ffn_dim": 32, "num_layers": 1,
        },
        lambda: {"hidden_states": noise(1, 4, 2, 8, 8), "encoder_hidden_states": noise(1, 5, 16), "timestep": _time()},
    ),
    "Lumina2Transformer2DModel": (
        {
            "sample_size": 8, "patch_size": 2, "in_channels": 4, "hidden_size": 24, "num_layers": 1, "num_refiner_layers": 1,
            "num_attention_heads": 3, "num_kv_heads": 1, "multiple_of": 2, "scaling_factor": 1.0, "axes_dim_rope": (4, 2, 2),
            "axes_lens": (16, 16, 16), "cap_feat_dim": 8,
        },
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 5, 8), "timestep": _time(0.3),
            "encoder_attention_mask": noise(1, 5) < 9,
        },
    ),
    "StableAudioDiTModel": (
        {
            "sample_size": 4, "in_channels": 4, "num_layers": 1, "attention_head_dim": 8, "num_attention_heads": 2,
            "num_key_value_attention_heads": 1, "out_channels": 4, "cross_attention_dim": 8, "time_proj_dim": 8,
            "global_states_input_dim": 8, "cross_attention_input_dim": 8,
        },
        lambda: {
            "hidden_states": noise(1, 4, 6), "timestep": _time(0.3), "encoder_hidden_states": noise(1, 5, 8),
            "global_hidden_states": noise(1, 1, 8),
        },
    ),
    "T5FilmDecoder": (
        {"input_dims": 8, "targets_length": 6, "d_model": 16, "num_layers": 1, "num_heads": 2, "d_kv": 8, "d_ff": 24},
        lambda: {
            "encodings_and_masks": [(noise(1, 4, 16), noise(1, 4) * 0 + 1)], "decoder_input_tokens": noise(1, 6, 8),
            "decoder_noise_time": _time(0.3),
        },
    ),
}  # fmt: skip


def _made(name: str, settings: dict[str, Any], given: Callable[[], dict[str, Any]]) -> Made:
    import diffusers

    model = getattr(diffusers, name.partition(" ")[0])(**settings)
    return Made(model.train(), given(), lambda out: near()(out.to_tuple() if hasattr(out, "to_tuple") else out))


for _name, (_settings, _given) in ROWS.items():
    models.add(_name, partial(_made, _name, _settings, _given))
MODELS = (models,)
