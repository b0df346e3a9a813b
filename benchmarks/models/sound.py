"""Models of sound and of series in time of `transformers`."""

from __future__ import annotations

from typing import Any

from benchmarks.models.real import Made, Models, near, noise, tokens

models = Models("transformers")

WAVES = {
    "vocab_size": 20,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8, 8],
    "conv_stride": [3, 2],
    "conv_kernel": [5, 3],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "mask_time_length": 2,
    "mask_time_prob": 0.2,
    "pad_token_id": 0,
}


def _of_waves(name: str, settings: dict[str, Any]) -> None:
    @models.model(name)
    def make() -> Made:
        import transformers

        kind = getattr(transformers, name)
        model = kind(kind.config_class(**{**WAVES, **settings})).train()
        return Made(model, {"input_values": noise(2, 90), "labels": tokens(2, 4, below=20)})


for _name, _settings in {
    "Wav2Vec2ForCTC": {},
    "HubertForCTC": {},
    "WavLMForCTC": {"num_buckets": 8, "max_bucket_distance": 16},
    "UniSpeechForCTC": {},
    "SEWForCTC": {"squeeze_factor": 2},
    "Data2VecAudioForCTC": {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3},
    "Wav2Vec2ConformerForCTC": {"conv_depthwise_kernel_size": 3},
}.items():
    _of_waves(_name, _settings)


@models.model("WhisperForConditionalGeneration")
def _whisper() -> Made:
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=40, num_mel_bins=6, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_source_positions=8, max_target_positions=8,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, begin_suppress_tokens=None,
    )  # fmt: skip
    return Made(WhisperForConditionalGeneration(config).train(), {"input_features": noise(2, 6, 16), "labels": tokens(2, 5)})


@models.model("Speech2TextForConditionalGeneration")
def _speech() -> Made:
    from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration

    config = Speech2TextConfig(
        vocab_size=40, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=24, decoder_ffn_dim=24, conv_channels=8, input_feat_per_channel=6, max_source_positions=16,
        max_target_positions=8,
    )  # fmt: skip
    return Made(Speech2TextForConditionalGeneration(config).train(), {"input_features": noise(2, 16, 6), "labels": tokens(2, 5)})


@models.model("ASTForAudioClassification")
def _ast() -> Made:
    import torch
    from transformers import ASTConfig, ASTForAudioClassification

    config = ASTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, patch_size=4, frequency_stride=4,
        time_stride=4, max_length=16, num_mel_bins=8, num_labels=3,
    )  # fmt: skip
    return Made(ASTForAudioClassification(config).train(), {"input_values": noise(2, 16, 8), "labels": torch.tensor([0, 2])})


@models.model("EncodecModel")
def _encodec() -> Made:
    from transformers import EncodecConfig, EncodecModel

    config = EncodecConfig(
        num_filters=4,
        hidden_size=8,
        codebook_size=8,
        codebook_dim=8,
        upsampling_ratios=[2, 2],
        num_lstm_layers=1,
        num_residual_layers=1,
    )
    return Made(EncodecModel(config).decoder.train(), noise(1, 8, 6), near())


@models.model("VitsTextEncoder")
def _speech_t5() -> Made:
    from transformers import VitsConfig
    from transformers.models.vits.modeling_vits import VitsTextEncoder

    config = VitsConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, ffn_dim=24, flow_size=8, window_size=2
    )
    mask = noise(2, 6, 1) * 0 + 1
    return Made(VitsTextEncoder(config).train(), {"input_ids": tokens(2, 6), "padding_mask": mask}, near("last_hidden_state"))


@models.model("UnivNetModel")
def _univnet() -> Made:
    from transformers import UnivNetConfig, UnivNetModel

    config = UnivNetConfig(
        model_in_channels=4, model_hidden_channels=4, num_mel_bins=6, kernel_predictor_hidden_channels=4,
        kernel_predictor_num_blocks=1,
        resblock_kernel_sizes=[3], resblock_stride_sizes=[2], resblock_dilation_sizes=[[1, 3]],
    )  # fmt: skip
    return Made(
        UnivNetModel(config).train(), {"input_features": noise(1, 5, 6), "noise_sequence": noise(1, 5, 4)}, near("waveforms")
    )


@models.model("PatchTSTForPrediction")
def _patchtst() -> Made:
    from transformers import PatchTSTConfig, PatchTSTForPrediction

    config = PatchTSTConfig(
        num_input_channels=2, context_length=12, patch_length=4, patch_stride=4, d_model=16, num_hidden_layers=2,
        num_attention_heads=2, ffn_dim=24, prediction_length=4,
    )  # fmt: skip
    return Made(PatchTSTForPrediction(config).train(), {"past_values": noise(2, 12, 2), "future_values": noise(2, 4, 2)})


@models.model("PatchTSMixerForPrediction")
def _patchtsmixer() -> Made:
    from transformers import PatchTSMixerConfig, PatchTSMixerForPrediction

    config = PatchTSMixerConfig(
        num_input_channels=2, context_length=12, patch_length=4, patch_stride=4, d_model=8, num_layers=2, prediction_length=4
    )
    return Made(PatchTSMixerForPrediction(config).train(), {"past_values": noise(2, 12, 2), "future_values": noise(2, 4, 2)})


def _series(name: str) -> None:
    @models.model(name)
    def make() -> Made:
        import torch
        import transformers

        kind = getattr(transformers, name)
        config = kind.config_class(
            prediction_length=4, context_length=8, lags_sequence=[1, 2], num_time_features=1, d_model=16, encoder_layers=1,
            decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24,
            label_length=2,
        )  # fmt: skip
        given = {
            "past_values": noise(2, 10), "past_time_features": noise(2, 10, 1), "past_observed_mask": torch.ones(2, 10),
            "future_values": noise(2, 4), "future_time_features": noise(2, 4, 1),
        }  # fmt: skip
        return Made(kind(config).train(), given)


for _name in ("TimeSeriesTransformerForPrediction", "InformerForPrediction", "AutoformerForPrediction"):
    _series(_name)
MODELS = (models,)
