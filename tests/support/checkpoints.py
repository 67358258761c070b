"""Builds tiny random checkpoints of every family, without a network; they load as a hub id does.

Their words are noise; their shapes, tokens and processors are the real ones. A folder holds what
`save_pretrained` writes. Sizes that belong together are named beside each other: the library checks few of them
before the first run.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

_WORDS = ["What does the image describe? Describe in detail what is shown in the image.", "Locate the objects with category "
          "name in the image.", "a black and brown dog on a grass field", "Generate underlying data table of the figure below:",
          "What is the text in the image, with regions? user assistant caption detect"]  # fmt: skip
_LONG = 192  # positions: Kosmos-2 spends 64 of them on its picture
_TEXT = dict(
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
)
_EYE = dict(
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=28,
    patch_size=14,
)
_CHAT = (
    "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}{% if c['type'] == 'image' %}<image>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)


def build(root: Path, families: dict[str, Callable[[], tuple]] | None = None) -> dict[str, Path]:
    """Write the checkpoints; return the folder of each catalogue id, as `VLM_WEIGHTS` wants them."""
    folders = {}
    for id, make in (families or FAMILIES).items():
        torch.manual_seed(1)
        folders[id] = root / id
        folders[id].mkdir(parents=True, exist_ok=True)
        network, processor = make()
        network.generation_config.forced_eos_token_id = None
        network.generation_config.suppress_tokens = _suppressed_tokens(processor.tokenizer)
        network.save_pretrained(folders[id])
        processor.save_pretrained(folders[id])
    return folders


def _suppressed_tokens(tokenizer: transformers.PreTrainedTokenizerFast) -> list[int]:
    """Return the tokens to suppress: all but whole words and a few locations.

    The noise is then readable, and never ends by itself.
    """
    said = re.compile(r"Ġ\w+|<loc_\d>")
    return sorted(id for token, id in tokenizer.get_vocab().items() if not said.fullmatch(token))


def _tokenizer(
    special: Sequence[str], extra: Sequence[str] = (), **roles: object
) -> transformers.PreTrainedTokenizerFast:
    """Train a byte-pair tokenizer on a few sentences; `roles` names the special tokens."""
    bare = Tokenizer(models.BPE(unk_token=None))
    bare.pre_tokenizer, bare.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    bare.train_from_iterator(_WORDS, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bare, **roles)
    tokenizer.add_tokens(
        [transformers.AddedToken(token, special=False, normalized=False) for token in extra]
    )
    return tokenizer


def _ids(tokenizer: transformers.PreTrainedTokenizerFast) -> dict[str, int]:
    names = "bos_token_id", "eos_token_id", "pad_token_id"
    return {name: value for name in names if (value := getattr(tokenizer, name)) is not None}


def _image_processor(name: str, **options: object) -> object:
    """Return an image processor: the one by Pillow, which needs no torchvision."""
    return getattr(transformers, f"{name}ImageProcessorPil")(**options)


def florence2() -> tuple:
    from transformers import (
        BartConfig,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    marks = [
        "od",
        "ocr",
        "cap",
        "ncap",
        "dcap",
        "grounding",
        "seg",
        "region_cap",
        "region_to_desciption",
        "proposal",
        "poly",
    ]
    extra = [f"<{slash}{mark}>" for mark in marks for slash in ("", "/")] + ["<sep>", "<and>"]
    tokenizer = _tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], [*extra, *(f"<loc_{i}>" for i in range(1000))], bos_token="<s>",
        eos_token="</s>", pad_token="<pad>", unk_token="<unk>", extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    sight = dict(
        depths=(1, 1, 1, 1),
        embed_dim=(8, 8, 16, 16),
        num_heads=(1, 1, 2, 2),
        num_groups=(1, 1, 2, 2),
    )
    text = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=_LONG, **_ids(tokenizer),
        decoder_start_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    config = Florence2Config(
        vision_config=dict(model_type="florence_vision", window_size=4, projection_dim=16, **sight),
        text_config=text.to_dict(), image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    image_processor = _image_processor(
        "CLIP", size={"height": 64, "width": 64}, do_center_crop=False, do_resize=True
    )
    image_processor.image_seq_length = (64 // 32) ** 2 + 1
    rules = ("phrase_grounding", "pure_text", "description_with_bboxes", "description_with_polygons", "polygons", "bboxes",
             "description_with_bboxes_or_polygons")  # fmt: skip
    ocr = {"PATTERN": "(.+?)" + r"<loc_(\d+)>" * 8, "AREA_THRESHOLD": 0.0}
    post = {rule: {} for rule in rules} | {
        "ocr": ocr,
        "phrase_grounding": {"banned_grounding_tokens": ["it", "image"]},
    }
    processor = Florence2Processor(
        image_processor=image_processor, tokenizer=tokenizer, post_processor_config=post
    )
    return Florence2ForConditionalGeneration(config).eval(), processor


def kosmos2() -> tuple:
    from transformers import Kosmos2Config, Kosmos2ForConditionalGeneration, Kosmos2Processor

    marks = ["</doc>", "<image>", "</image>", "<phrase>", "</phrase>", "<object>", "</object>",
             "</delimiter_of_multi_objects/>", "<grounding>"]  # fmt: skip
    tokenizer = _tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"], [*marks, *(f"<patch_index_{i:04d}>" for i in range(1024))], bos_token="<s>",
        eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
    )  # fmt: skip
    text = dict(
        vocab_size=len(tokenizer),
        max_position_embeddings=_LONG,
        embed_dim=16,
        layers=1,
        ffn_dim=32,
        attention_heads=2,
    )
    config = Kosmos2Config(
        vision_config=_EYE, text_config=text | _ids(tokenizer), latent_query_num=64
    )
    image_processor = _image_processor(
        "CLIP", size={"height": 28, "width": 28}, do_center_crop=False
    )
    return Kosmos2ForConditionalGeneration(config).eval(), Kosmos2Processor(
        image_processor=image_processor, tokenizer=tokenizer
    )


def deplot() -> tuple:
    from transformers import (
        Pix2StructConfig,
        Pix2StructForConditionalGeneration,
        Pix2StructProcessor,
    )

    tokenizer = _tokenizer(
        ["<pad>", "</s>", "<unk>"], eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    sizes = dict(hidden_size=16, d_kv=8, d_ff=32)
    text = dict(
        vocab_size=len(tokenizer),
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    image_processor = dict(
        patch_embed_hidden_size=768, num_hidden_layers=1, num_attention_heads=2, seq_len=4096
    )
    config = Pix2StructConfig(
        text_config=text | sizes | _ids(tokenizer),
        vision_config=image_processor | sizes,
        is_vqa=True,
    )
    processor = Pix2StructProcessor(
        _image_processor("Pix2Struct", is_vqa=True, max_patches=64), tokenizer
    )
    return Pix2StructForConditionalGeneration(config).eval(), processor


def paligemma(second: bool = False) -> tuple:
    from transformers import (
        Gemma2Config,
        GemmaConfig,
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
    )

    places = [*(f"<loc{i:04d}>" for i in range(1024)), *(f"<seg{i:03d}>" for i in range(128))]
    tokenizer = _tokenizer(
        ["<pad>", "<eos>", "<bos>", "<unk>"],
        places,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    image_processor = _image_processor("Siglip", size={"height": 28, "width": 28})
    image_processor.image_seq_length = 4
    processor = PaliGemmaProcessor(image_processor=image_processor, tokenizer=tokenizer)
    kind = Gemma2Config if second else GemmaConfig
    text = kind(
        vocab_size=len(processor.tokenizer),
        head_dim=8,
        max_position_embeddings=_LONG,
        **_TEXT,
        **_ids(tokenizer),
    )
    config = PaliGemmaConfig(
        vision_config=transformers.SiglipVisionConfig(**_EYE, projection_dim=16), text_config=text, projection_dim=16,
        image_token_id=processor.tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return PaliGemmaForConditionalGeneration(config).eval(), processor


def llava() -> tuple:
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = _tokenizer(
        ["<unk>", "<s>", "</s>", "<pad>"],
        ["<image>"],
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    image = tokenizer.convert_tokens_to_ids("<image>")
    text = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=_LONG, **_TEXT, **_ids(tokenizer)
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_EYE), text_config=text, image_token_id=image
    )
    processor = LlavaProcessor(
        image_processor=_image_processor("CLIP", size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}), tokenizer=tokenizer,
        patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1, chat_template=_CHAT,
        image_token="<image>",
    )  # fmt: skip
    return LlavaForConditionalGeneration(config).eval(), processor


def llava_next() -> tuple:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextProcessor
    from transformers import LlavaNextForConditionalGeneration as Network

    tokenizer = _tokenizer(
        ["<unk>", "<s>", "</s>", "<pad>"],
        ["<image>"],
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    image, grid = tokenizer.convert_tokens_to_ids("<image>"), [[28, 56], [56, 28], [56, 56]]
    text = LlamaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=_LONG, **_TEXT, **_ids(tokenizer)
    )
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(**_EYE),
        text_config=text,
        image_token_id=image,
        image_grid_pinpoints=grid,
    )
    image_processor = _image_processor(
        "LlavaNext",
        size={"shortest_edge": 28},
        crop_size={"height": 28, "width": 28},
        image_grid_pinpoints=grid,
    )
    processor = LlavaNextProcessor(
        image_processor=image_processor, tokenizer=tokenizer, patch_size=14, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=_CHAT, image_token="<image>",
    )  # fmt: skip
    return Network(config).eval(), processor


def mllama() -> tuple:
    from transformers import MllamaConfig, MllamaForConditionalGeneration, MllamaProcessor

    tokenizer = _tokenizer(
        ["<|begin_of_text|>", "<|eot_id|>", "<|pad|>", "<|image|>"], bos_token="<|begin_of_text|>", eos_token="<|eot_id|>",
        pad_token="<|pad|>", extra_special_tokens={"image_token": "<|image|>"},
    )  # fmt: skip
    image_processor = dict(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_global_layers=1, attention_heads=2, image_size=28,
        patch_size=14, max_num_tiles=2, supported_aspect_ratios=[[1, 1], [1, 2], [2, 1]], intermediate_layers_indices=[0],
        vision_output_dim=32,
    )  # fmt: skip
    text = _TEXT | dict(
        num_hidden_layers=2, cross_attention_layers=[1], max_position_embeddings=_LONG
    )
    config = MllamaConfig(
        vision_config=image_processor, text_config=text | dict(vocab_size=len(tokenizer)) | _ids(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<|image|>"),
    )  # fmt: skip
    processor = MllamaProcessor(
        _image_processor("Mllama", size={"height": 28, "width": 28}, max_image_tiles=2), tokenizer,
        chat_template=_CHAT.replace("<image>", "<|image|>"),
    )  # fmt: skip
    return MllamaForConditionalGeneration(config).eval(), processor


FAMILIES: dict[str, Callable[[], tuple]] = {
    "microsoft/florence-2": florence2,
    "microsoft/kosmos-2": kosmos2,
    "google/deplot": deplot,
    "google/paligemma": paligemma,
    "nvidia/neva-22b": llava,
    "meta/llama-3.2-11b-vision-instruct": mllama,
}
SUCCESSORS: dict[
    str, Callable[[], tuple]
] = {  # other checkpoints that may stand in a model's place
    "google/paligemma": partial(paligemma, second=True),
    "nvidia/neva-22b": llava_next,
}
