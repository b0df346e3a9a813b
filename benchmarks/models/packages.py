"""Models of smaller packages."""

from __future__ import annotations

from typing import Any

from benchmarks.models.real import Made, Models, near, noise, tokens

MODELS: list[Models] = []


def package(name: str) -> Models:
    """The models of one more package."""
    found = Models(name)
    MODELS.append(found)
    return found


_transformers = package("x-transformers")


@_transformers.model("TransformerWrapper")
def _wrapper() -> Made:
    from x_transformers import Decoder, TransformerWrapper

    layers = Decoder(dim=16, depth=2, heads=2, attn_dim_head=8, rotary_pos_emb=True, ff_glu=True, use_rmsnorm=True)
    return Made(TransformerWrapper(num_tokens=40, max_seq_len=16, attn_layers=layers).train(), tokens(2, 6), near())


@_transformers.model("TransformerWrapper, ALiBi")
def _alibi() -> Made:
    from x_transformers import Encoder, TransformerWrapper

    layers = Encoder(dim=16, depth=2, heads=2, attn_dim_head=8, alibi_pos_bias=True, ff_relu_squared=True, use_scalenorm=True)
    return Made(TransformerWrapper(num_tokens=40, max_seq_len=16, attn_layers=layers).train(), tokens(2, 6), near())


@_transformers.model("ViTransformerWrapper")
def _vit() -> Made:
    from x_transformers import Encoder, ViTransformerWrapper

    model = ViTransformerWrapper(
        image_size=8,
        patch_size=4,
        num_classes=3,
        attn_layers=Encoder(dim=16, depth=2, heads=2, attn_dim_head=8, attn_qk_norm=True),
    )
    return Made(model.train(), noise(2, 3, 8, 8), near())


@package("efficientnet-pytorch").model("EfficientNet")
def _efficientnet() -> Made:
    from efficientnet_pytorch.model import EfficientNet
    from efficientnet_pytorch.utils import BlockArgs, GlobalParams

    common = GlobalParams(1.0, 1.0, 32, 0.2, 3, 0.99, 1e-3, 0.2, 8, 8, True)
    blocks = [BlockArgs(1, 3, [1], 1, 32, 8, 0.25, True), BlockArgs(2, 5, [2], 2, 8, 16, 0.25, True)]
    return Made(EfficientNet(blocks, common).train(), noise(2, 3, 32, 32), near())


@package("performer-pytorch").model("Performer")
def _performer() -> Made:
    from performer_pytorch import Performer

    model = Performer(dim=16, depth=2, heads=2, dim_head=8, nb_features=8, causal=False)
    return Made(model.train(), noise(2, 6, 16), near())


@package("linformer").model("LinformerLM")
def _linformer() -> Made:
    from linformer import LinformerLM

    return Made(LinformerLM(num_tokens=40, dim=16, seq_len=6, depth=2, heads=2, k=4).train(), tokens(2, 6), near())


@package("g-mlp-pytorch").model("gMLP")
def _gmlp() -> Made:
    from g_mlp_pytorch import gMLP

    return Made(gMLP(num_tokens=40, dim=16, depth=2, seq_len=6, causal=True).train(), tokens(2, 6), near())


@package("mlp-mixer-pytorch").model("MLPMixer")
def _mixer() -> Made:
    from mlp_mixer_pytorch import MLPMixer

    return Made(
        MLPMixer(image_size=8, channels=3, patch_size=4, dim=16, depth=2, num_classes=3).train(), noise(2, 3, 8, 8), near()
    )


@package("perceiver-pytorch").model("Perceiver")
def _perceiver() -> Made:
    from perceiver_pytorch import Perceiver

    model = Perceiver(
        num_freq_bands=2, depth=2, max_freq=10.0, num_latents=4, latent_dim=16, cross_heads=1, latent_heads=2, cross_dim_head=8,
        latent_dim_head=8, num_classes=3, weight_tie_layers=True,
    )  # fmt: skip
    return Made(model.train(), noise(2, 4, 4, 3), near())


@package("siren-pytorch").model("SirenNet")
def _siren() -> Made:
    from siren_pytorch import SirenNet

    return Made(SirenNet(dim_in=2, dim_hidden=16, dim_out=3, num_layers=3, w0_initial=30.0).train(), noise(8, 2), near())


@package("nystrom-attention").model("Nystromformer")
def _nystrom() -> Made:
    from nystrom_attention import Nystromformer

    model = Nystromformer(
        dim=16, dim_head=8, heads=2, depth=2, num_landmarks=4, pinv_iterations=3, attn_values_residual_conv_kernel=3
    )
    return Made(model.train(), noise(2, 8, 16), near())


@package("conformer").model("ConformerBlock")
def _conformer() -> Made:
    from conformer import ConformerBlock

    model = ConformerBlock(
        dim=16, dim_head=8, heads=2, ff_mult=2, conv_kernel_size=3, attn_dropout=0.1, ff_dropout=0.1, conv_dropout=0.1
    )
    return Made(model.train(), noise(2, 6, 16), near())


_mamba = package("mambapy")


@_mamba.model("Mamba, parallel scan")
def _mamba_parallel() -> Made:
    from mambapy.mamba import Mamba, MambaConfig

    return Made(Mamba(MambaConfig(d_model=8, n_layers=2, d_state=4)).train(), noise(2, 8, 8), near())


@_mamba.model("Mamba, sequential")
def _mamba_sequential() -> Made:
    from mambapy.mamba import Mamba, MambaConfig

    return Made(Mamba(MambaConfig(d_model=8, n_layers=2, d_state=4, pscan=False)).train(), noise(2, 6, 8), near())


_tables = package("rtdl-revisiting-models")


@_tables.model("FTTransformer")
def _ft() -> Made:
    import torch
    from rtdl_revisiting_models import FTTransformer

    model = FTTransformer(
        n_cont_features=3, cat_cardinalities=[4, 5], d_out=2, n_blocks=2, d_block=16, attention_n_heads=2, attention_dropout=0.1,
        ffn_d_hidden=None, ffn_d_hidden_multiplier=4 / 3, ffn_dropout=0.1, residual_dropout=0.0,
    )  # fmt: skip
    return Made(model.train(), (noise(4, 3), torch.tensor([[0, 1], [3, 4], [1, 0], [2, 2]])), near())


@_tables.model("ResNet of tables")
def _resnet() -> Made:
    from rtdl_revisiting_models import ResNet

    model = ResNet(d_in=5, d_out=2, n_blocks=2, d_block=8, d_hidden_multiplier=2.0, dropout1=0.2, dropout2=0.1)
    return Made(model.train(), noise(6, 5), near())


@package("pytorch-tabnet").model("TabNet")
def _tabnet() -> Made:
    import torch
    from pytorch_tabnet.tab_network import TabNet

    model = TabNet(5, 3, n_d=4, n_a=4, n_steps=2, virtual_batch_size=4, group_attention_matrix=torch.eye(5))
    return Made(model.train(), noise(8, 5), near())


_odes = package("torchdiffeq")


def _ode(name: str, adjoint: bool, method: str) -> None:
    @_odes.model(name)
    def make() -> Made:
        import torch
        import torchdiffeq

        class Field(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))

            def forward(self, t: Any, y: Any) -> Any:
                return self.net(y) * torch.cos(t)

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.field = Field()

            def forward(self, y: Any) -> Any:
                solve = torchdiffeq.odeint_adjoint if adjoint else torchdiffeq.odeint
                return solve(self.field, y, torch.linspace(0, 1, 3, dtype=y.dtype), method=method)[-1]

        # It puts numbers in places that autograd must not see, and gradients where they belong.
        return Made(Net().train(), noise(4, 3), near(), ("_UncheckedAssign", "_StitchGradient"))


_ode("odeint, rk4", adjoint=False, method="rk4")
_ode("odeint, dopri5", adjoint=False, method="dopri5")


@package("pytorch-tcn").model("TCN")
def _tcn() -> Made:
    from pytorch_tcn import TCN

    return Made(TCN(3, [8, 8], kernel_size=3, dropout=0.1).train(), noise(2, 3, 10), near())


@package("local-attention").model("LocalTransformer")
def _local() -> Made:
    from local_attention import LocalTransformer

    model = LocalTransformer(
        num_tokens=40,
        dim=16,
        depth=1,
        max_seq_len=8,
        causal=True,
        local_attn_window_size=4,
        dim_head=8,
        heads=2,
        num_residual_streams=1,
    )
    return Made(model.train(), tokens(2, 8), near())


@package("lambda-networks").model("LambdaLayer")
def _lambda() -> Made:
    from lambda_networks import LambdaLayer

    return Made(LambdaLayer(dim=8, dim_out=8, r=3, dim_k=4, heads=2, dim_u=1).train(), noise(2, 8, 4, 4), near())


@package("egnn-pytorch").model("EGNN_Network")
def _egnn() -> Made:
    from egnn_pytorch import EGNN_Network

    model = EGNN_Network(num_tokens=10, dim=8, depth=2, num_nearest_neighbors=3, norm_coors=True)
    return Made(model.train(), (tokens(1, 6, below=10), noise(1, 6, 3)), near())


@package("axial-attention").model("AxialAttention")
def _axial() -> Made:
    from axial_attention import AxialAttention

    return Made(AxialAttention(dim=8, dim_index=1, heads=2, num_dimensions=2).train(), noise(2, 8, 4, 4), near())


@package("soft-moe-pytorch").model("SoftMoE")
def _soft_moe() -> Made:
    from soft_moe_pytorch import SoftMoE

    return Made(SoftMoE(dim=8, seq_len=6, num_experts=3).train(), noise(2, 6, 8), near())


@package("e3nn").model("tensor products")
def _e3nn() -> Made:
    import torch
    from e3nn import o3

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.product = o3.FullyConnectedTensorProduct("2x0e + 1x1o", "1x0e + 1x1o", "2x0e + 2x1o", compile_right=False)
            self.linear = o3.Linear("2x0e + 2x1o", "1x0e + 1x1o")

        def forward(self, x: Any, y: Any) -> Any:
            return self.linear(self.product(x, o3.spherical_harmonics("1x0e + 1x1o", y, normalize=True)))

    return Made(Net().train(), (noise(4, 5), noise(4, 3)), near())


@package("peft").model("LoRA of Llama")
def _lora() -> Made:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(r=2, lora_dropout=0.1, target_modules=["q_proj", "v_proj"]))
    ids = tokens(2, 6)
    return Made(model.train(), {"input_ids": ids, "labels": ids})


@package("timesformer-pytorch").model("TimeSformer")
def _timesformer() -> Made:
    from timesformer_pytorch import TimeSformer

    model = TimeSformer(dim=16, image_size=8, patch_size=4, num_frames=2, num_classes=3, depth=1, heads=2, dim_head=8)
    return Made(model.train(), noise(2, 2, 3, 8, 8), near())
