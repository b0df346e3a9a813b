"""Models of pictures of `timm`, by the names that it gives them."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.models.real import Made, Models, near, noise

models = Models("timm")

TOKENS = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
WINDOWS = {"img_size": 32, "patch_size": 4, "window_size": 2, "embed_dim": 8, "depths": (1, 1), "num_heads": (1, 2)}
STAGES = {"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 16)}

BACKBONES: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": TOKENS,
    "vit_base_patch16_siglip_224": TOKENS,
    "vit_base_patch14_dinov2": TOKENS,
    "deit_tiny_distilled_patch16_224": TOKENS,
    "beit_base_patch16_224": TOKENS,
    "beitv2_base_patch16_224": TOKENS,
    "eva02_tiny_patch14_224": TOKENS,
    "convit_tiny": {**TOKENS, "local_up_to_layer": 1},
    "samvit_base_patch16_224": {**TOKENS, "window_size": 2, "global_attn_indexes": (1,)},
    "cait_xxs24_224": {**TOKENS, "depth_token_only": 1},
    "xcit_nano_12_p16_224": {"img_size": 32, "embed_dim": 16, "depth": 2, "num_heads": 2},
    "naflexvit_base_patch16_gap": {"embed_dim": 16, "depth": 2, "num_heads": 2},
    "swin_tiny_patch4_window7_224": WINDOWS,
    "swinv2_tiny_window8_256": WINDOWS,
    "swinv2_cr_tiny_224": WINDOWS,
    "hiera_tiny_224": {
        "img_size": (32, 32), "embed_dim": 8, "stages": (1, 1), "num_heads": 1, "q_pool": 1, "mask_unit_size": (4, 4)
    },
    "twins_svt_small": {"img_size": 64, "embed_dims": (8, 8, 16, 16), "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2)},
    "davit_tiny": {"depths": (1, 1), "embed_dims": (8, 16), "num_heads": (1, 2), "window_size": 2},
    "pvt_v2_b0": {"depths": (1, 1, 1, 1), "embed_dims": (8, 8, 16, 16), "num_heads": (1, 1, 2, 2)},
    "pit_ti_224": {"img_size": 64, "base_dims": (8, 8), "depth": (1, 1), "heads": (1, 2)},
    "coatnet_pico_rw_224": {"img_size": 32, "embed_dim": (32, 32), "depths": (1, 1), "stem_width": (4, 8)},
    "convnext_atto": STAGES,
    "convnextv2_atto": STAGES,
    "mambaout_femto": STAGES,
    "inception_next_atto": {"depths": (1, 1, 1, 1), "dims": (16, 16, 32, 32)},
    "edgenext_xx_small": {"dims": (8, 16, 16, 16), "depths": (1, 1, 1, 1), "heads": (2, 2, 2, 2)},
    "fastvit_t8": {"layers": (1, 1, 1, 1), "embed_dims": (8, 8, 16, 16)},
    "resnetv2_50": {"layers": (1, 1), "channels": (16, 32), "stem_chs": 8},
    "resnet10t": {},
    "res2net50_26w_4s": {"layers": (1, 1, 1, 1), "base_width": 4},
    "skresnet18": {"layers": (1, 1, 1, 1)},
    "mobilenetv3_small_050": {},
    "mobilenetv4_conv_small_035": {},
    "lcnet_035": {},
    "regnety_002": {},
    "mobilevit_xxs": {},
    "mobilevitv2_050": {},
    "shvit_s1": {},
}  # fmt: skip


def _made(name: str, settings: dict[str, Any]) -> Made:
    import timm

    side = settings.get("img_size", 64)
    side = side[0] if isinstance(side, tuple) else side
    model = timm.create_model(name, pretrained=False, num_classes=3, **settings)
    return Made(model.train(), noise(2, 3, side, side), near())


for _name, _settings in BACKBONES.items():
    models.add(_name, partial(_made, _name, _settings))
MODELS = (models,)
