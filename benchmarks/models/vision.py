"""Models of pictures of `transformers`, and of pictures with text."""

from __future__ import annotations

from typing import Any

from benchmarks.models.real import Made, Models, near, noise, tokens

models = Models("transformers")

PATCHES = {
    "image_size": 8,
    "patch_size": 4,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_labels": 3,
}
TEXT = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def listed(rows: dict[str, dict[str, Any]], size: int, **common: Any) -> None:
    """Classifiers of pictures of that size, one a row: the class, and its settings."""

    def add(name: str, settings: dict[str, Any]) -> None:
        @models.model(name)
        def make() -> Made:
            import torch
            import transformers

            kind = getattr(transformers, name)
            model = kind(kind.config_class(**{**common, **settings})).train()
            return Made(model, {"pixel_values": noise(4, 3, size, size), "labels": torch.tensor([0, 1, 2, 1])})

    for name, settings in rows.items():
        add(name, settings)


listed(
    {
        "ViTForImageClassification": {},
        "DeiTForImageClassification": {},
        "BeitForImageClassification": {"use_relative_position_bias": True, "use_mask_token": False},
        "Data2VecVisionForImageClassification": {"use_relative_position_bias": True},
        "Dinov2ForImageClassification": {"mlp_ratio": 2},
        "Dinov2WithRegistersForImageClassification": {"mlp_ratio": 2, "num_register_tokens": 2},
        "ViTMSNForImageClassification": {},
        "IJepaForImageClassification": {},
        "SiglipForImageClassification": {"vision_config": PATCHES, "text_config": TEXT},
        "CLIPForImageClassification": {"vision_config": PATCHES, "text_config": TEXT},
    },
    8,
    **PATCHES,
)
listed(
    {
        "ResNetForImageClassification": {"layer_type": "basic"},
        "RegNetForImageClassification": {"groups_width": 4},
        "BitForImageClassification": {"num_groups": 2},
    },
    32,
    embedding_size=8,
    hidden_sizes=[8, 16],
    depths=[1, 1],
    num_labels=3,
)
listed(
    {
        "ConvNextForImageClassification": {},
        "ConvNextV2ForImageClassification": {},
        "PoolFormerForImageClassification": {
            "patch_sizes": [3, 3], "strides": [2, 2], "padding": [1, 1], "num_encoder_blocks": 2,
        },
        "PvtV2ForImageClassification": {
            "num_encoder_blocks": 2, "sr_ratios": [2, 1], "patch_sizes": [3, 3], "strides": [2, 2],
            "num_attention_heads": [1, 2], "mlp_ratios": [2, 2],
        },
        "PvtForImageClassification": {
            "image_size": 16, "num_encoder_blocks": 2, "sequence_reduction_ratios": [2, 1], "patch_sizes": [4, 2],
            "strides": [4, 2], "num_attention_heads": [1, 2], "mlp_ratios": [2, 2],
        },
        "SegformerForImageClassification": {
            "num_encoder_blocks": 2, "sr_ratios": [2, 1], "patch_sizes": [3, 3], "strides": [2, 2],
            "num_attention_heads": [1, 2], "mlp_ratios": [2, 2],
        },
    },
    16,
    hidden_sizes=[8, 16],
    depths=[1, 1],
    num_stages=2,
    num_labels=3,
)  # fmt: skip
listed(
    {
        "SwinForImageClassification": {"depths": [2, 1], "num_heads": [1, 2]},
        "Swinv2ForImageClassification": {"depths": [2, 1], "num_heads": [1, 2]},
        "FocalNetForImageClassification": {"depths": [1, 1], "hidden_sizes": [8, 16], "focal_levels": [2, 2],
        "focal_windows": [3, 3]},
    },
    16,
    image_size=16,
    patch_size=2,
    embed_dim=8,
    window_size=2,
    num_labels=3,
)  # fmt: skip
listed(
    {
        "MobileViTForImageClassification": {
            "hidden_sizes": [8, 12, 16], "neck_hidden_sizes": [4, 4, 8, 8, 12, 16, 16], "num_attention_heads": 2,
            "image_size": 32,
        },
        "MobileViTV2ForImageClassification": {"width_multiplier": 0.1, "image_size": 32},
        "MobileNetV1ForImageClassification": {"depth_multiplier": 0.125, "image_size": 32, "min_depth": 4},
        "MobileNetV2ForImageClassification": {"depth_multiplier": 0.125, "image_size": 32, "min_depth": 4},
        "EfficientNetForImageClassification": {
            "width_coefficient": 0.25, "depth_coefficient": 0.1, "image_size": 32, "hidden_dim": 320, "num_block_repeats": [1, 1],
            "kernel_sizes": [3, 5], "in_channels": [32, 16], "out_channels": [16, 320], "strides": [1, 2],
            "expand_ratios": [1, 2],
            "depthwise_padding": [],
        },
        "SwiftFormerForImageClassification": {"depths": [1, 1, 1, 1], "embed_dims": [4, 8, 8, 16], "image_size": 32},
        "LevitForImageClassification": {
            "image_size": 64, "hidden_sizes": [8, 12, 16], "num_attention_heads": [1, 2, 2], "depths": [1, 1, 1],
            "key_dim": [4, 4, 4],
        },
        "TextNetForImageClassification": {
            "image_size": [32, 32], "hidden_sizes": [8, 8, 8, 12, 16], "stem_out_channels": 8,
            "conv_layer_kernel_sizes": [[[3, 3]], [[3, 1]], [[1, 3]], [[3, 3]]],
            "conv_layer_strides": [[1], [2], [2], [1]],
        },
    },
    64,
    num_labels=3,
)  # fmt: skip


@models.model("HieraForImageClassification")
def _hiera() -> Made:
    import torch
    from transformers import HieraConfig, HieraForImageClassification

    config = HieraConfig(
        embed_dim=8, image_size=[32, 32], patch_size=[3, 3], patch_stride=[2, 2], patch_padding=[1, 1], depths=[1, 1],
        num_heads=[1, 2],
        num_query_pool=1, query_stride=[2, 2], masked_unit_size=[4, 4], masked_unit_attention=[True, False], num_labels=3,
    )  # fmt: skip
    return Made(
        HieraForImageClassification(config).train(), {"pixel_values": noise(2, 3, 32, 32), "labels": torch.tensor([0, 2])}
    )


@models.model("PPLCNetForImageClassification")
def _pplcnet() -> Made:
    from transformers import PPLCNetConfig, PPLCNetForImageClassification

    model = PPLCNetForImageClassification(PPLCNetConfig(scale=0.25, class_expand=16, num_labels=3))
    return Made(model.train(), {"pixel_values": noise(4, 3, 64, 64)}, near("last_hidden_state"))


@models.model("ViTMAEForPreTraining")
def _mae() -> Made:
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        **PATCHES,
        decoder_hidden_size=16,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=24,
    )
    return Made(ViTMAEForPreTraining(config).train(), {"pixel_values": noise(2, 3, 8, 8)})


@models.model("SegformerForSemanticSegmentation")
def _segformer() -> Made:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], hidden_sizes=[8, 16], sr_ratios=[2, 1], patch_sizes=[3, 3], strides=[2, 2],
        num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=8, num_labels=4,
    )  # fmt: skip
    model = SegformerForSemanticSegmentation(config).train()
    return Made(model, {"pixel_values": noise(2, 3, 16, 16), "labels": tokens(2, 16, 16, below=9) - 5})


@models.model("YolosForObjectDetection")
def _yolos() -> Made:
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(**{**PATCHES, "image_size": [8, 8]}, num_detection_tokens=4)
    labels = [{"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.4, 0.3, 0.2]])} for _ in range(2)]
    return Made(YolosForObjectDetection(config).train(), {"pixel_values": noise(2, 3, 8, 8), "labels": labels})


@models.model("DetrForObjectDetection")
def _detr() -> Made:
    import torch
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", out_features=["stage2"])
    config = DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone, d_model=16,
        encoder_layers=1,
        decoder_layers=1, encoder_ffn_dim=24, decoder_ffn_dim=24, encoder_attention_heads=2, decoder_attention_heads=2,
        num_queries=4, num_labels=3,
    )  # fmt: skip
    labels = [{"class_labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.4, 0.3, 0.2]])} for _ in range(2)]
    return Made(DetrForObjectDetection(config).train(), {"pixel_values": noise(2, 3, 32, 32), "labels": labels})


@models.model("DPTForDepthEstimation")
def _dpt() -> Made:
    from transformers import DPTConfig, DPTForDepthEstimation

    config = DPTConfig(
        **{**PATCHES, "image_size": 16, "num_hidden_layers": 4}, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[4,
        8, 8, 8], fusion_hidden_size=8,
        reassemble_factors=[4, 2, 1, 0.5], is_hybrid=False, head_in_index=-1,
    )  # fmt: skip
    return Made(DPTForDepthEstimation(config).train(), {"pixel_values": noise(2, 3, 16, 16)}, near("predicted_depth"))


@models.model("CLIPModel")
def _clip() -> Made:
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(vision_config=PATCHES, text_config=TEXT, projection_dim=8)
    given = {"pixel_values": noise(3, 3, 8, 8), "input_ids": tokens(3, 5), "return_loss": True}
    return Made(CLIPModel(config).train(), given)


@models.model("SiglipModel")
def _siglip() -> Made:
    from transformers import SiglipConfig, SiglipModel

    config = SiglipConfig(vision_config=PATCHES, text_config=TEXT)
    given = {"pixel_values": noise(3, 3, 8, 8), "input_ids": tokens(3, 5), "return_loss": True}
    return Made(SiglipModel(config).train(), given)


@models.model("BlipForConditionalGeneration")
def _blip() -> Made:
    from transformers import BlipConfig, BlipForConditionalGeneration

    config = BlipConfig(
        vision_config=PATCHES, text_config={**TEXT, "encoder_hidden_size": 16, "sep_token_id": 3}, projection_dim=8
    )
    ids = tokens(2, 5)
    return Made(
        BlipForConditionalGeneration(config).train(), {"pixel_values": noise(2, 3, 8, 8), "input_ids": ids, "labels": ids}
    )


@models.model("ViltForMaskedLM")
def _vilt() -> Made:
    from transformers import ViltConfig, ViltForMaskedLM

    config = ViltConfig(**{**PATCHES, "num_labels": 3}, vocab_size=40, max_position_embeddings=16)
    ids = tokens(2, 5)
    return Made(ViltForMaskedLM(config).train(), {"pixel_values": noise(2, 3, 8, 8), "input_ids": ids}, near("logits"))


@models.model("LlavaForConditionalGeneration")
def _llava() -> Made:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**PATCHES), text_config=LlamaConfig(**TEXT), image_token_index=3, image_seq_length=4
    )
    ids = tokens(2, 8)
    ids[:, 1:5] = 3
    return Made(
        LlavaForConditionalGeneration(config).train(), {"pixel_values": noise(2, 3, 8, 8), "input_ids": ids, "labels": ids}
    )


@models.model("ImageGPTForCausalImageModeling")
def _imagegpt() -> Made:
    from transformers import ImageGPTConfig, ImageGPTForCausalImageModeling

    config = ImageGPTConfig(vocab_size=41, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    ids = tokens(2, 8)
    return Made(ImageGPTForCausalImageModeling(config).train(), {"input_ids": ids, "labels": ids})


@models.model("VideoMAEForVideoClassification")
def _videomae() -> Made:
    import torch
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    config = VideoMAEConfig(**PATCHES, num_frames=4, tubelet_size=2)
    return Made(
        VideoMAEForVideoClassification(config).train(), {"pixel_values": noise(2, 4, 3, 8, 8), "labels": torch.tensor([0, 2])}
    )


@models.model("TimesformerForVideoClassification")
def _timesformer() -> Made:
    import torch
    from transformers import TimesformerConfig, TimesformerForVideoClassification

    config = TimesformerConfig(**PATCHES, num_frames=2)
    return Made(
        TimesformerForVideoClassification(config).train(), {"pixel_values": noise(2, 2, 3, 8, 8), "labels": torch.tensor([0, 2])}
    )


MODELS = (models,)
