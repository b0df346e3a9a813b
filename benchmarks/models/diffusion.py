"""Denoisers and autoencoders of `diffusers`."""

from __future__ import annotations

from typing import Any

from benchmarks.models.real import Made, Models, near, noise, tokens

models = Models("diffusers")

LEVELS = {"block_out_channels": (8, 16), "norm_num_groups": 4, "layers_per_block": 1}


def _step() -> Any:
    import torch

    return torch.tensor([3, 7])


@models.model("UNet2DModel")
def _unet() -> Made:
    from diffusers import UNet2DModel

    model = UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=4, **LEVELS,
    )  # fmt: skip
    return Made(model.train(), {"sample": noise(2, 3, 8, 8), "timestep": _step()}, near("sample"))


@models.model("UNet2DConditionModel")
def _unet_condition() -> Made:
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=8, attention_head_dim=2, **LEVELS,
    )  # fmt: skip
    given = {"sample": noise(2, 4, 8, 8), "timestep": _step(), "encoder_hidden_states": noise(2, 5, 8)}
    return Made(model.train(), given, near("sample"))


@models.model("UNet3DConditionModel")
def _unet3d() -> Made:
    from diffusers import UNet3DConditionModel

    model = UNet3DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"), cross_attention_dim=8, attention_head_dim=4, **LEVELS,
    )  # fmt: skip
    given = {"sample": noise(1, 4, 2, 8, 8), "timestep": 3, "encoder_hidden_states": noise(1, 5, 8)}
    return Made(model.train(), given, near("sample"))


@models.model("AutoencoderKL")
def _vae() -> Made:
    from diffusers import AutoencoderKL

    model = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=2, **LEVELS
    )
    return Made(model.train(), {"sample": noise(1, 3, 8, 8), "sample_posterior": True}, near("sample"))


@models.model("AutoencoderTiny")
def _tiny() -> Made:
    from diffusers import AutoencoderTiny

    model = AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1)
    )
    return Made(model.train(), noise(2, 3, 8, 8), near("sample"))


@models.model("VQModel")
def _vq() -> Made:
    from diffusers import VQModel

    model = VQModel(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=2,
        num_vq_embeddings=8, **LEVELS,
    )  # fmt: skip
    return Made(model.train(), noise(1, 3, 8, 8), near("sample"))


@models.model("ControlNetModel")
def _controlnet() -> Made:
    from diffusers import ControlNetModel

    model = ControlNetModel(
        in_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), cross_attention_dim=8, attention_head_dim=2,
        conditioning_embedding_out_channels=(4, 8), **LEVELS,
    )  # fmt: skip
    given = {
        "sample": noise(2, 4, 8, 8), "timestep": _step(), "encoder_hidden_states": noise(2, 5, 8),
        "controlnet_cond": noise(2, 3, 16, 16),
    }  # fmt: skip
    return Made(model.train(), given, near("mid_block_res_sample"))


@models.model("DiTTransformer2DModel")
def _dit() -> Made:
    import torch
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2, sample_size=8, patch_size=2,
        num_embeds_ada_norm=10, norm_num_groups=4,
    )  # fmt: skip
    given = {"hidden_states": noise(2, 4, 8, 8), "timestep": _step(), "class_labels": torch.tensor([1, 4])}
    return Made(model.train(), given, near("sample"))


@models.model("Transformer2DModel")
def _transformer2d() -> Made:
    from diffusers import Transformer2DModel

    model = Transformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=8, num_layers=1, cross_attention_dim=8, norm_num_groups=4
    )
    return Made(model.train(), {"hidden_states": noise(2, 8, 4, 4), "encoder_hidden_states": noise(2, 5, 8)}, near("sample"))


@models.model("PixArtTransformer2DModel")
def _pixart() -> Made:
    from diffusers import PixArtTransformer2DModel

    model = PixArtTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2, sample_size=8, patch_size=2,
        cross_attention_dim=16, caption_channels=8, use_additional_conditions=False,
    )  # fmt: skip
    given = {
        "hidden_states": noise(2, 4, 8, 8), "timestep": _step(), "encoder_hidden_states": noise(2, 5, 8),
        "added_cond_kwargs": {"resolution": None, "aspect_ratio": None},
    }  # fmt: skip
    return Made(model.train(), given, near("sample"))


@models.model("SD3Transformer2DModel")
def _sd3() -> Made:
    from diffusers import SD3Transformer2DModel

    model = SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, out_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=8, caption_projection_dim=16, pooled_projection_dim=8, pos_embed_max_size=8,
    )  # fmt: skip
    given = {
        "hidden_states": noise(2, 4, 8, 8), "timestep": _step(), "encoder_hidden_states": noise(2, 5, 8),
        "pooled_projections": noise(2, 8),
    }  # fmt: skip
    return Made(model.train(), given, near("sample"))


@models.model("FluxTransformer2DModel")
def _flux() -> Made:
    from diffusers import FluxTransformer2DModel

    model = FluxTransformer2DModel(
        patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=8, pooled_projection_dim=8, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    given = {
        "hidden_states": noise(1, 6, 4), "timestep": noise(1).abs(), "encoder_hidden_states": noise(1, 5, 8),
        "pooled_projections": noise(1, 8), "img_ids": tokens(6, 3, below=9) * 1.0, "txt_ids": tokens(5, 3, below=9) * 0.0,
    }  # fmt: skip
    return Made(model.train(), given, near("sample"))


@models.model("SanaTransformer2DModel")
def _sana() -> Made:
    from diffusers import SanaTransformer2DModel

    model = SanaTransformer2DModel(
        sample_size=8, patch_size=1, in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=8,
        num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16, caption_channels=8,
    )  # fmt: skip
    given = {"hidden_states": noise(1, 4, 8, 8), "timestep": noise(1).abs(), "encoder_hidden_states": noise(1, 5, 8)}
    return Made(model.train(), given, near("sample"))


@models.model("UVit2DModel")
def _uvit() -> Made:
    from diffusers import UVit2DModel

    model = UVit2DModel(
        hidden_size=16, cond_embed_dim=8, encoder_hidden_size=8, micro_cond_encode_dim=4, micro_cond_embed_dim=20, vocab_size=10,
        codebook_size=8, in_channels=8, block_out_channels=8, num_hidden_layers=1, num_attention_heads=2, block_num_heads=2,
        intermediate_size=24, use_bias=True, sample_size=4,
    )  # fmt: skip
    given = {
        "input_ids": tokens(1, 4, 4, below=8), "encoder_hidden_states": noise(1, 5, 8), "pooled_text_emb": noise(1, 8),
        "micro_conds": noise(1, 5),
    }  # fmt: skip
    return Made(model.train(), given, near())


MODELS = (models,)
