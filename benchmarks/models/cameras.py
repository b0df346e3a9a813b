"""Models of pictures of `torchvision`: classifiers, segmenters, detectors, films, and optical flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.models.real import Made, Models, near, noise

models = Models("torchvision")

CLASSIFIERS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "ResNet": ((2, 3, 32, 32), lambda tv: tv.resnet.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3)),
    "ResNeXt": (
        (2, 3, 32, 32),
        lambda tv: tv.resnet.ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1], num_classes=3, groups=4, width_per_group=4),
    ),
    "ShuffleNetV2": ((2, 3, 32, 32), lambda tv: tv.ShuffleNetV2([1, 1, 1], [8, 8, 16, 32, 32], num_classes=3)),
    "MNASNet": ((2, 3, 32, 32), lambda tv: tv.MNASNet(0.1, num_classes=3)),
    "SqueezeNet": ((1, 3, 32, 32), lambda tv: tv.squeezenet1_1(num_classes=3)),
    "GoogLeNet": ((2, 3, 32, 32), lambda tv: tv.googlenet(num_classes=3, init_weights=False, aux_logits=False)),
    "InceptionA": ((2, 8, 8, 8), lambda tv: tv.inception.InceptionA(8, 4, tv.inception.BasicConv2d)),
    "DenseNet": ((2, 3, 16, 16), lambda tv: tv.DenseNet(4, (1, 1), 8, num_classes=3)),
    "RegNet": (
        (2, 3, 32, 32),
        lambda tv: tv.RegNet(
            tv.regnet.BlockParams([1, 1, 1, 1], [8, 8, 8, 16], [8, 8, 8, 8], [1, 1, 1, 1], [2, 2, 2, 2], 0.25), num_classes=3
        ),
    ),
    "MobileNetV2": (
        (2, 3, 32, 32),
        lambda tv: tv.MobileNetV2(num_classes=3, width_mult=0.1, inverted_residual_setting=[[1, 8, 1, 1], [2, 8, 1, 2]]),
    ),
    "MobileNetV3": (
        (2, 3, 32, 32),
        lambda tv: tv.MobileNetV3(
            [
                tv.mobilenetv3.InvertedResidualConfig(8, 3, 8, 8, True, "HS", 2, 1, 1),
                tv.mobilenetv3.InvertedResidualConfig(8, 3, 16, 16, True, "RE", 2, 1, 1),
            ],
            16,
            num_classes=3,
        ),
    ),
    "EfficientNet of torchvision": (
        (2, 3, 16, 16),
        lambda tv: tv.EfficientNet(
            [tv.efficientnet.MBConvConfig(1, 3, 1, 8, 8, 1), tv.efficientnet.FusedMBConvConfig(2, 3, 2, 8, 16, 1)],
            0.1,
            num_classes=3,
        ),
    ),
    "ConvNeXt": (
        (2, 3, 16, 16),
        lambda tv: tv.ConvNeXt([tv.convnext.CNBlockConfig(8, 16, 1), tv.convnext.CNBlockConfig(16, None, 1)], num_classes=3),
    ),
    "VisionTransformer": ((2, 3, 16, 16), lambda tv: tv.VisionTransformer(16, 4, 2, 2, 16, 24, num_classes=3)),
    "SwinTransformer": ((2, 3, 16, 16), lambda tv: tv.SwinTransformer([2, 2], 8, [1, 1], [2, 2], [2, 2], num_classes=3)),
    "SwinTransformer V2": (
        (2, 3, 16, 16),
        lambda tv: tv.SwinTransformer(
            [2, 2], 8, [1, 1], [2, 2], [2, 2], num_classes=3, block=tv.swin_transformer.SwinTransformerBlockV2,
            downsample_layer=tv.swin_transformer.PatchMergingV2,
        ),
    ),
    "MaxVit": ((2, 3, 32, 32), lambda tv: tv.MaxVit((32, 32), 8, 4, [8, 8], [1, 1], 2, 0.1, num_classes=3)),
    "VideoResNet (r3d)": ((2, 3, 4, 16, 16), lambda tv: _film(tv, "Conv3DSimple")),
    "VideoResNet (mc3)": ((2, 3, 4, 16, 16), lambda tv: _film(tv, "Conv3DNoTemporal")),
    "VideoResNet (r2plus1d)": ((2, 3, 4, 16, 16), lambda tv: _film(tv, "Conv2Plus1D")),
    "SwinTransformer3d": (
        (1, 3, 4, 8, 8),
        lambda tv: tv.video.SwinTransformer3d([2, 2, 2], 8, [1, 1], [2, 2], [2, 2, 2], num_classes=3),
    ),
    "MViT": (
        (1, 3, 4, 16, 16),
        lambda tv: tv.video.mvit.MViT(
            (16, 16), 4, [
                tv.video.mvit.MSBlockConfig(1, 8, 16, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2]),
                tv.video.mvit.MSBlockConfig(2, 16, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1]),
            ], False, False, 0.0, 0.0, 0.0, num_classes=3,
        ),
    ),
}  # fmt: skip


def _film(tv: Any, convolution: str) -> Any:
    """Two stages: the third has one pixel left, of which no batch norm can make anything."""
    resnet = tv.video.resnet
    net = resnet.VideoResNet(
        resnet.BasicBlock, [getattr(resnet, convolution)] * 4, [1, 1, 1, 1], resnet.BasicStem, num_classes=3
    )  # fmt: skip
    net.layer3, net.layer4, net.fc.in_features = tv.resnet.nn.Identity(), tv.resnet.nn.Identity(), 128
    net.fc = tv.resnet.nn.Linear(128, 3)
    return net


def torchvision_models() -> Any:
    """`torchvision.models`."""
    import torchvision.models

    return torchvision.models


def _classifier(name: str, shape: tuple[int, ...], make: Callable[[Any], Any]) -> None:
    models.add(name, lambda: Made(make(torchvision_models()).train(), noise(*shape), near()))


for _name, (_shape, _make) in CLASSIFIERS.items():
    _classifier(_name, _shape, _make)


def _body(tv: Any, until: str) -> Any:
    """A small ResNet up to a layer."""
    net = tv.resnet.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3)
    return tv._utils.IntermediateLayerGetter(net, {until: "out"})


@models.model("FCN")
def _fcn() -> Made:
    tv = torchvision_models()
    model = tv.segmentation.fcn.FCN(_body(tv, "layer1"), tv.segmentation.fcn.FCNHead(64, 3))
    return Made(model.train(), noise(2, 3, 32, 32), lambda out: near()(out["out"]))


@models.model("DeepLabV3")
def _deeplab() -> Made:
    tv = torchvision_models()
    model = tv.segmentation.DeepLabV3(_body(tv, "layer1"), tv.segmentation.deeplabv3.DeepLabHead(64, 3))
    return Made(model.train(), noise(2, 3, 32, 32), lambda out: near()(out["out"]))


@models.model("LRASPP")
def _lraspp() -> Made:
    tv = torchvision_models()
    body = tv._utils.IntermediateLayerGetter(
        tv.resnet.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1]), {"layer1": "low", "layer2": "high"}
    )
    model = tv.segmentation.LRASPP(body, 64, 128, 3, inter_channels=8)
    return Made(model.train(), noise(2, 3, 32, 32), lambda out: near()(out["out"]))


@models.model("RAFT")
def _raft() -> Made:
    import torch

    flow = torchvision_models().optical_flow.raft
    model = flow._raft(
        feature_encoder_layers=(16, 16, 16, 16, 32), feature_encoder_block=flow.BottleneckBlock,
        feature_encoder_norm_layer=torch.nn.InstanceNorm2d, context_encoder_layers=(16, 16, 16, 16, 40),
        context_encoder_block=flow.BottleneckBlock, context_encoder_norm_layer=torch.nn.Identity, corr_block_num_levels=2,
        corr_block_radius=1, motion_encoder_corr_layers=(16,), motion_encoder_flow_layers=(16, 8), motion_encoder_out_channels=16,
        recurrent_block_hidden_state_size=16, recurrent_block_kernel_size=(3,), recurrent_block_padding=(1,),
        flow_head_hidden_size=16, use_mask_predictor=False,
    )  # fmt: skip
    given = {"image1": noise(1, 3, 128, 128), "image2": noise(1, 3, 128, 128), "num_flow_updates": 2}
    return Made(model.train(), given, lambda out: near()(out[-1]))


def _eyes(channels: int) -> Any:
    """What a detector looks with."""
    from torch import nn

    body = nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, 2, 1), nn.ReLU())
    body.out_channels = channels
    return body


def _detector(name: str, channels: int, sizes: tuple[int, ...], ratios: tuple[float, ...], **settings: Any) -> None:
    @models.model(name)
    def make() -> Made:
        import torch

        found = torchvision_models().detection
        anchors = found.rpn.AnchorGenerator((sizes,), (ratios,))
        heads: dict[str, Any] = {"anchor_generator": anchors}
        if name == "FasterRCNN":
            from torchvision.ops import MultiScaleRoIAlign

            heads = {
                "rpn_anchor_generator": anchors,
                "box_roi_pool": MultiScaleRoIAlign(["0"], 2, 2),
                "box_head": found.faster_rcnn.TwoMLPHead(4 * channels, 16),
                "box_predictor": found.faster_rcnn.FastRCNNPredictor(16, 3),
            }
        model = getattr(found, name)(_eyes(channels), **settings, **heads, min_size=32, max_size=32)
        boxes = [{"boxes": torch.tensor([[4.0, 4.0, 20.0, 20.0]]), "labels": torch.tensor([1])} for _ in range(2)]
        pictures = [torch.rand(3, 32, 32) for _ in range(2)]
        return Made(model.train(), (pictures, boxes), lambda losses: sum(losses.values()))


_detector("FasterRCNN", 8, (8, 16), (0.5, 1.0), rpn_pre_nms_top_n_train=20, rpn_post_nms_top_n_train=10)
_detector("RetinaNet", 32, (8, 16), (0.5, 1.0), num_classes=3)
_detector("FCOS", 32, (8,), (1.0,), num_classes=3)
MODELS = (models,)
