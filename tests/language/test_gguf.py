"""GGUF files from outside: every field is checked before it is used, and nothing else breaks."""

import hashlib
import struct

import numpy as np
import pytest

from nncourse import pretrained
from nncourse.language.bytepair import _byte_alphabet
from nncourse.language.gguf import GGUFFile
from nncourse.language.llama import Llama, weight_shapes
from nncourse.language.pretrained import read_llama
from nncourse.scale.architectures import Architecture

TINY = Architecture.llama(layers=1, dim=4, heads=2, kv_heads=1, hidden=4, vocabulary=260, context=8)
SIGNALS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
UINT32, FLOAT32, STRING, ARRAY, INT32 = 4, 6, 8, 9, 5


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(value)) + value


def number(kind, value):
    return struct.pack("<I", kind) + struct.pack({4: "<I", 5: "<i", 6: "<f", 10: "<Q"}[kind], value)


def string(value):
    return struct.pack("<I", STRING) + text(value)


def strings(values):
    return struct.pack("<IIQ", ARRAY, STRING, len(values)) + b"".join(map(text, values))


def whole_numbers(values):
    return struct.pack(f"<IIQ{len(values)}i", ARRAY, INT32, len(values), *values)


def fields(**changes):
    """The metadata of a tiny model that can be read, as bytes; ``None`` leaves a field out."""
    bytes_ = list(_byte_alphabet())
    known = {
        "general.architecture": string("llama"),
        "llama.embedding_length": number(UINT32, 4),
        "llama.feed_forward_length": number(UINT32, 4),
        "llama.block_count": number(UINT32, 1),
        "llama.attention.head_count": number(UINT32, 2),
        "llama.attention.head_count_kv": number(UINT32, 1),
        "llama.context_length": number(UINT32, 8),
        "llama.attention.layer_norm_rms_epsilon": number(FLOAT32, 1e-5),
        "llama.rope.freq_base": number(FLOAT32, 1e4),
        "tokenizer.ggml.model": string("gpt2"),
        "tokenizer.ggml.pre": string("smollm"),
        "tokenizer.ggml.tokens": strings([*bytes_, "he", *SIGNALS]),
        "tokenizer.ggml.token_type": whole_numbers([1] * 257 + [3] * 3),
        "tokenizer.ggml.merges": strings(["h e"]),
        "tokenizer.ggml.eos_token_id": number(UINT32, 258),
        "tokenizer.chat_template": string("known"),
    }
    return {k: v for k, v in (known | changes).items() if v is not None}


def tensors():
    rng = np.random.default_rng(0)
    return [
        (name, shape, 0, rng.normal(size=shape).astype("<f4").tobytes())
        for name, shape in weight_shapes(TINY).items()
    ]


def pack(metadata, listed, alignment=32, offsets=None):
    """The bytes of a file with these fields and tensors (name, shape, type, bytes)."""
    content = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(metadata))
    content += b"".join(text(key) + value for key, value in metadata.items())
    data = b""
    for i, (name, shape, kind, values) in enumerate(listed):
        at = len(data) if offsets is None else offsets[i]
        content += text(name) + struct.pack(
            f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, at
        )
        data += values + bytes(-len(values) % alignment)
    return content + bytes(-len(content) % alignment) + data


@pytest.fixture(autouse=True)
def known_template(monkeypatch):
    known = hashlib.sha256(b"known").hexdigest()
    monkeypatch.setattr(pretrained, "CHAT_TEMPLATE_SHA256", known)


@pytest.fixture
def read(tmp_path):
    def read(content, reader=read_llama):
        (tmp_path / "a.gguf").write_bytes(content)
        return reader(tmp_path / "a.gguf")

    return read


def test_a_tiny_model_is_read(read):
    model = read(pack(fields(), tensors()))
    assert isinstance(model, Llama) and model.architecture.context == 8
    assert model.architecture.head_dim == 2 and model.end == (258, 259)
    assert model.tokenizer.encode("hey") == [256, model.tokenizer.ids[b"y"]]
    assert len(model.complete("hey", max_new_tokens=2, stop=())) > 0


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("general.alignment", number(UINT32, 0), "alignment is a power of two, got 0"),
        ("general.alignment", number(UINT32, 48), "alignment is a power of two, got 48"),
        ("general.alignment", string("32"), "alignment is a power of two, got '32'"),
        ("general.alignment", number(FLOAT32, 32), "alignment is a power of two, got 32.0"),
        ("general.architecture", number(UINT32, 1), "must be 'llama', got 1"),
        ("llama.attention.head_count", number(UINT32, 0), "heads is a whole number of at least 1"),
        ("llama.attention.head_count", number(UINT32, 3), "dim must be divisible by heads"),
        ("llama.attention.head_count", string("2"), "heads is a whole number .*, got '2'"),
        ("llama.attention.head_count", whole_numbers([2]), r"heads is a whole .*, got \[2\]"),
        ("llama.attention.head_count_kv", number(UINT32, 0), "kv_heads is a whole number"),
        ("llama.block_count", number(UINT32, 2**32 - 1), "4294967295 layers are promised, with 11"),
        ("llama.block_count", number(UINT32, 2), r"lacks blk\.1\.\w+\.weight"),
        ("llama.embedding_length", number(FLOAT32, 4.0), "dim is a whole number .*, got 4.0"),
        ("llama.embedding_length", number(UINT32, 8), "must have shape"),
        ("llama.feed_forward_length", number(10, 2**63), "must have shape"),
        ("llama.context_length", number(INT32, -1), "context is a whole number of at least 0"),
        ("llama.context_length", number(UINT32, 0), "with a context and an even head_dim"),
        ("llama.rope.freq_base", number(FLOAT32, 0), "base is a positive number, got 0.0"),
        ("llama.rope.freq_base", number(FLOAT32, np.inf), "base is a positive number, got inf"),
        ("llama.attention.layer_norm_rms_epsilon", number(FLOAT32, np.nan), "epsilon is a pos"),
        ("llama.attention.layer_norm_rms_epsilon", string("1e-5"), "epsilon is a positive number"),
        ("llama.rope.freq_base", None, r"a\.gguf lacks llama\.rope\.freq_base"),
        ("tokenizer.ggml.tokens", string("abc"), r"tokens has the wrong type, got 'abc'"),
        ("tokenizer.ggml.tokens", whole_numbers([1, 2]), r"has the wrong type, got \[1, 2\]"),
        ("tokenizer.ggml.tokens", strings(["a", "a"]), "2 tokens, but 260 token types"),
        ("tokenizer.ggml.tokens", strings(["神"] + ["a"] * 259), "'神' is not written in GPT-2's"),
        ("tokenizer.ggml.tokens", strings(["a"] * 260), "a token or a merge occurs twice"),
        ("tokenizer.ggml.token_type", whole_numbers([3]), "260 tokens, but 1 token types"),
        ("tokenizer.ggml.token_type", whole_numbers([1] * 260), r"lacks <\|im_start\|>"),
        ("tokenizer.ggml.merges", number(UINT32, 1), "merges has the wrong type, got 1"),
        ("tokenizer.ggml.merges", strings(["he"]), "each merge joins two pieces"),
        ("tokenizer.ggml.merges", strings(["h e y"]), "each merge joins two pieces"),
        ("tokenizer.ggml.merges", strings(["he "]), "each merge joins two pieces"),
        ("tokenizer.ggml.merges", strings(["h e", "h e"]), "a token or a merge occurs twice"),
        ("tokenizer.ggml.merges", strings(["h y"]), "b'hy' is a merge or special, but not in the"),
        ("tokenizer.ggml.merges", strings(["h 神"]), "'神' is not written in GPT-2's characters"),
        ("tokenizer.ggml.eos_token_id", number(UINT32, 260), "must lie in 0 ... 259, got 260"),
        ("tokenizer.ggml.eos_token_id", number(FLOAT32, 1), "token ids must be a sequence of"),
        ("tokenizer.chat_template", number(UINT32, 1), "chat_template has the wrong type, got 1"),
        ("tokenizer.chat_template", None, r"lacks tokenizer\.chat_template"),
        ("llama.vocab_size", number(UINT32, 261), "vocab_size must be 260, got 261"),
        ("llama.rope.dimension_count", number(UINT32, 4), "dimension_count must be 2, got 4"),
        ("llama.attention.key_length", number(UINT32, 4), "key_length must be 2, got 4"),
        ("llama.attention.value_length", string("2"), "value_length must be 2, got '2'"),
        ("llama.rope.scaling.type", string("linear"), "scaling.type must be 'none', got 'linear'"),
        ("llama.rope.scaling.factor", number(FLOAT32, 4), "scaling.factor must be 1, got 4.0"),
        ("llama.expert_count", number(UINT32, 8), "expert_count must be 0, got 8"),
        ("tokenizer.ggml.add_bos_token", struct.pack("<I?", 7, 1), "must be False, got True"),
        ("tokenizer.ggml.add_space_prefix", struct.pack("<I?", 7, 1), "must be False, got True"),
    ],
)  # fmt: skip
def test_fields_that_cannot_be(read, field, value, words):
    with pytest.raises(ValueError, match=words) as error:
        read(pack(fields(**{field: value}), tensors()))
    assert "a.gguf" in str(error.value)


F32 = np.arange(32, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("listed", "offsets", "words"),
    [
        ([("w", (32,), 0, F32), ("w", (32,), 0, F32)], None, "'w' occurs twice"),
        (
            [("w", (2, 16), 8, bytes(34))],
            None,
            r"shape \(2, 16\): rows of Q8_0 are whole blocks of",
        ),
        ([("w", (33,), 2, bytes(18))], None, r"shape \(33,\): rows of Q4_0 are whole blocks"),
        ([("w", (0,), 0, b"")], None, r"shape \(0,\)"),
        ([("w", (), 0, b"")], None, "has 0 axes, expected 1 to 4"),
        ([("w", (1,) * 5, 0, F32)], None, "has 5 axes, expected 1 to 4"),
        ([("w", (2**32, 2**32), 0, F32)], None, "ends at byte 73,786,976,294,838,206"),
        ([("w", (32,), 0, F32)], [32], "'w' should be at offset 0, is at 32"),
        ([("w", (32,), 0, F32)], [2**63], "should be at offset 0, is at 9223372036854775808"),
        ([("v", (32,), 0, F32), ("w", (32,), 0, F32)], [0, 64], "offset 128, is at 64"),
        ([("w", (33,), 0, F32)], None, "ends at byte 196, the file at 192"),
        ([("w", (32,), 7, F32)], None, "'w' has the unknown type 7"),
    ],
)
def test_tensors_that_cannot_be(read, listed, offsets, words):
    with pytest.raises(ValueError, match=words):
        read(pack({}, listed, offsets=offsets), GGUFFile)


@pytest.mark.parametrize("alignment", [1, 2, 8, 64])
def test_other_alignments(read, alignment):
    named = {"general.alignment": number(UINT32, alignment)}
    content = pack(named, [("w", (3,), 0, F32[:12])], alignment)
    np.testing.assert_array_equal(read(content, GGUFFile)["w"], [0, 1, 2])


def test_keys_occur_once_and_arrays_do_not_nest_without_end(read):
    twice = b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + 2 * (text("a") + number(UINT32, 1))
    with pytest.raises(ValueError, match="'a' occurs twice"):
        read(twice, GGUFFile)
    nested = struct.pack("<I", ARRAY) + 5000 * struct.pack("<IQ", ARRAY, 1)
    with pytest.raises(ValueError, match=r"a\.gguf is damaged or no GGUF file"):
        read(pack({"a": nested}, []), GGUFFile)


def test_weights_that_are_no_numbers(read):
    listed = tensors()
    name, shape, kind, values = listed[2]
    listed[2] = name, shape, kind, struct.pack("<f", np.nan) + values[4:]
    with pytest.raises(ValueError, match=f"a.gguf: weight '{name}' holds NaN or infinity"):
        read(pack(fields(), listed))


def test_a_damaged_file_is_read_or_refused_with_a_value_error(read):
    """Bytes of the header changed, one at a time; and the file cut off at some places."""
    content, rng = pack(fields(), tensors()), np.random.default_rng(0)
    tokens, after = (content.index(f"tokenizer.ggml.{part}".encode()) for part in ("tok", "mer"))
    header = content.index(b"output_norm.weight") + 200
    places = [*range(0, tokens + 60, 2), *range(tokens, after, 50), *range(after, header, 2)]
    damaged = [content[:length] for length in range(0, len(content), 97)]
    for place in places:
        other = content[place] ^ int(rng.choice([1, 128, 255]))
        damaged.append(content[:place] + bytes([other]) + content[place + 1 :])
    refused = 0
    for bad in damaged:
        try:
            read(bad)
        except ValueError as error:
            assert "a.gguf" in str(error)
            refused += 1
    assert len(damaged) / 2 < refused < len(damaged)


@pytest.mark.parametrize("name", ["output.weight", "blk.0.attn_q.bias", "rope_freqs.weight"])
def test_a_tensor_that_would_not_be_used_is_refused(read, name):
    """A head of its own, biases, other frequencies: without them it is another model."""
    values = np.ones(4, "<f4").tobytes()
    with pytest.raises(ValueError, match=f"tensor '{name}' has no place"):
        read(pack(fields(), [*tensors(), (name, (4,), 0, values)]))


def test_settings_that_say_what_is_done_anyway_are_welcome(read):
    more = {
        "llama.vocab_size": number(UINT32, 260),
        "llama.rope.dimension_count": number(UINT32, 2),
    }
    more["tokenizer.ggml.add_bos_token"] = struct.pack("<I?", 7, 0)
    assert read(pack(fields(**more), tensors())).logits([1]).shape == (1, 260)


@pytest.mark.parametrize(
    ("kind", "layout", "value"),
    [
        (0, "B", 200), (1, "b", -100), (2, "H", 60_000), (3, "h", -30_000), (4, "I", 2**32 - 1),
        (5, "i", -(2**31)), (6, "f", 0.5), (7, "?", True), (10, "Q", 2**64 - 1),
        (11, "q", -(2**63)), (12, "d", 1e300),
    ],
)  # fmt: skip
def test_every_kind_of_number_is_read(read, kind, layout, value):
    """As the format's description numbers them."""
    single = struct.pack(f"<I{layout}", kind, value)
    several = struct.pack(f"<IIQ3{layout}", ARRAY, kind, 3, *[value] * 3)
    file = read(pack({"one": single, "three": several}, tensors()), GGUFFile)
    assert file.metadata == {"one": value, "three": [value] * 3}
